//! A hash that no password has, to be compared with where there is none: whoever signs in with a password waits as
//! long to hear that there is no such account as to hear that the password is wrong.

use argon2::Params;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

/// Of the form and the cost of those that [`Passwords`](super::password::Passwords) makes, and of random bytes.
pub(super) fn decoy_hash() -> String {
    let params = Params::DEFAULT;
    let salt = STANDARD_NO_PAD.encode(rand::random::<[u8; 16]>());
    let hash = STANDARD_NO_PAD.encode(rand::random::<[u8; Params::DEFAULT_OUTPUT_LEN]>());
    format!(
        "$argon2id$v=19$m={},t={},p={}${salt}${hash}",
        params.m_cost(),
        params.t_cost(),
        params.p_cost(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{
        credential::Password,
        password::{HashFor, Passwords},
    };

    #[actix_rt::test]
    async fn it_costs_as_much_as_a_real_one_and_matches_nothing() {
        let passwords = Passwords::new(1);
        let password = || Password::parse("password-1").unwrap();
        let hash_for = HashFor::Address(std::net::IpAddr::from([127, 0, 0, 1]).into());
        let real = passwords.hash(password(), hash_for).await.unwrap();
        let decoy = decoy_hash();
        let costs = |hash: &str| {
            let parts: Vec<_> = hash.split('$').map(str::to_owned).collect();
            let lengths: Vec<_> = parts[4..].iter().map(String::len).collect();
            (parts[..4].to_vec(), lengths)
        };
        assert_eq!(costs(&decoy), costs(&real));
        let matches = passwords.matches(password(), decoy, hash_for).await;
        assert!(!matches.unwrap());
    }
}
