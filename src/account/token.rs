//! Session tokens: signed, self-contained, told apart by the key that signed them.
//!
//! A session token and the refresh token beside it share a [`TokenId`], and a refresh keeps it. So
//! all tokens that come from one sign-in are one family, and end together.

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use uuid::{ContextV7, Timestamp, Uuid};

use super::keys::Keys;
use crate::user::UserId;

/// Variables a client gives at sign-in and finds again in its tokens.
pub(crate) type Variables = BTreeMap<String, String>;

/// One family of tokens. Ids made by [`TokenIds`] ascend, so "all before this one" is a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TokenId(pub(crate) Uuid);

impl TokenId {
    /// Not before any id: as a cut it ends every token of a user, also those yet to be issued.
    pub(crate) const MAX: Self = Self(Uuid::max());
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Makes ascending token ids, whatever the clock does meanwhile.
#[derive(Debug, Default)]
pub(crate) struct TokenIds(Mutex<ContextV7>);

impl TokenIds {
    /// An id after all ids made or [seen](Self::follow) before.
    pub(crate) fn next(&self) -> TokenId {
        let context = self.0.lock();
        TokenId(Uuid::new_v7(Timestamp::now(&*context)))
    }

    /// Makes every later id come after `seen`, an id from before a restart: the clock may have been
    /// set back since, and a token must not be born before a cut that is in force.
    pub(crate) fn follow(&self, seen: TokenId) {
        let Some((seconds, nanos)) = seen.0.get_timestamp().map(|t| t.to_unix()) else {
            return;
        };
        // The next millisecond, as the counter of `seen` is unknown here.
        let at = Duration::new(seconds, nanos) + Duration::from_millis(1);
        let context = self.0.lock();
        let _advanced = Timestamp::from_unix(&*context, at.as_secs(), at.subsec_nanos());
    }
}

/// Who a good token speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) user: UserId,
    /// The name at the time the token was issued.
    pub(crate) username: Arc<str>,
    pub(crate) token: TokenId,
    /// Of a refresh token, its number among those of its family; see [`rotation`](super::rotation).
    pub(crate) generation: u64,
    pub(crate) variables: Arc<Variables>,
    /// Seconds since 1970 from which on the token is good no more.
    pub(crate) expires: u64,
}

/// Whom a pair of tokens is for.
pub(crate) struct Bearer<'a> {
    pub(crate) user: UserId,
    pub(crate) username: &'a str,
    pub(crate) token: TokenId,
    /// The number of the refresh token.
    pub(crate) generation: u64,
    pub(crate) variables: &'a Variables,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// Not a token, changed on the way, or of the other kind.
    #[error("token is not valid")]
    Invalid,
    #[error("token has expired")]
    Expired,
    /// Ended by a logout or with its account.
    #[error("token has been ended")]
    Ended,
}

/// Session tokens are for calls and sockets, refresh tokens only buy new pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Session,
    Refresh,
}

/// What a token says. Clients read `uid`, `usn`, `vrs` and `exp` from both kinds.
#[derive(Serialize, Deserialize)]
struct Claims<'a> {
    tid: String,
    uid: String,
    usn: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "no_variables")]
    vrs: Cow<'a, Variables>,
    #[serde(rename = "gen", default, skip_serializing_if = "is_zero")]
    generation: u64,
    exp: u64,
    iat: u64,
}

fn no_variables(variables: &Variables) -> bool {
    variables.is_empty()
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

struct Signer {
    sign: EncodingKey,
    verify: DecodingKey,
    life: u64,
}

impl Signer {
    fn new(key: &[u8; 32], life: Duration) -> Self {
        Self {
            sign: EncodingKey::from_secret(key),
            verify: DecodingKey::from_secret(key),
            life: life.as_secs().max(1),
        }
    }
}

/// Issues and reads tokens. Knows nothing of ended ones: see [`Revocations`](super::revocation::Revocations).
pub(crate) struct Tokens {
    session: Signer,
    refresh: Signer,
    validation: Validation,
}

impl Tokens {
    pub(crate) fn new(keys: &Keys, session_life: Duration, refresh_life: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Expiry is checked below, without the leeway of a minute and against the caller's clock.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        Self {
            session: Signer::new(&keys.session, session_life),
            refresh: Signer::new(&keys.refresh, refresh_life),
            validation,
        }
    }

    /// The longest time any token issued now stays good.
    pub(crate) fn longest_life(&self) -> Duration {
        Duration::from_secs(self.session.life.max(self.refresh.life))
    }

    fn signer(&self, kind: TokenKind) -> &Signer {
        match kind {
            TokenKind::Session => &self.session,
            TokenKind::Refresh => &self.refresh,
        }
    }

    /// A token of `kind`, good from `now` (Unix seconds) on.
    pub(crate) fn issue(&self, kind: TokenKind, bearer: &Bearer<'_>, now: u64) -> String {
        let signer = self.signer(kind);
        let claims = Claims {
            tid: bearer.token.to_string(),
            uid: bearer.user.to_string(),
            usn: Cow::Borrowed(bearer.username),
            vrs: Cow::Borrowed(bearer.variables),
            generation: match kind {
                TokenKind::Session => 0,
                TokenKind::Refresh => bearer.generation,
            },
            exp: now.saturating_add(signer.life),
            iat: now,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &signer.sign)
            .expect("claims are text and numbers, and HMAC takes any key")
    }

    /// Reads a token of `kind` at `now` (Unix seconds).
    ///
    /// A lifetime made shorter since holds for old tokens too, so that a revocation kept for
    /// [`longest_life`](Self::longest_life) outlives whatever it ended.
    pub(crate) fn read(
        &self,
        kind: TokenKind,
        token: &str,
        now: u64,
    ) -> Result<Caller, TokenError> {
        let signer = self.signer(kind);
        let claims = jsonwebtoken::decode::<Claims<'_>>(token, &signer.verify, &self.validation)
            .map_err(|_| TokenError::Invalid)?
            .claims;
        let user = UserId::parse(&claims.uid).ok_or(TokenError::Invalid)?;
        let token = Uuid::try_parse(&claims.tid)
            .map(TokenId)
            .map_err(|_| TokenError::Invalid)?;
        let expires = claims.exp.min(claims.iat.saturating_add(signer.life));
        if expires <= now {
            return Err(TokenError::Expired);
        }
        Ok(Caller {
            user,
            username: claims.usn.into(),
            token,
            generation: claims.generation,
            variables: Arc::new(claims.vrs.into_owned()),
            expires,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_700_000_000;

    fn tokens() -> Tokens {
        let keys = Keys {
            session: [1; 32],
            refresh: [2; 32],
            cursor: [3; 32],
        };
        Tokens::new(&keys, Duration::from_secs(60), Duration::from_secs(600))
    }

    fn issue(kind: TokenKind, variables: Variables) -> String {
        let bearer = Bearer {
            user: UserId::random(),
            username: "ada",
            token: TokenIds::default().next(),
            generation: 0,
            variables: &variables,
        };
        tokens().issue(kind, &bearer, NOW)
    }

    #[test]
    fn kinds_are_not_exchangeable() {
        let token = issue(TokenKind::Session, Variables::new());
        assert!(tokens().read(TokenKind::Session, &token, NOW).is_ok());
        assert_eq!(
            tokens().read(TokenKind::Refresh, &token, NOW),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn expiry_is_exact() {
        let token = issue(TokenKind::Session, Variables::new());
        assert!(tokens().read(TokenKind::Session, &token, NOW + 59).is_ok());
        assert_eq!(
            tokens().read(TokenKind::Session, &token, NOW + 60),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn a_shorter_life_holds_for_old_tokens() {
        let token = issue(TokenKind::Refresh, Variables::new());
        let keys = Keys {
            session: [1; 32],
            refresh: [2; 32],
            cursor: [3; 32],
        };
        let shorter = Tokens::new(&keys, Duration::from_secs(60), Duration::from_secs(100));
        assert!(shorter.read(TokenKind::Refresh, &token, NOW + 99).is_ok());
        assert_eq!(
            shorter.read(TokenKind::Refresh, &token, NOW + 100),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn variables_travel_and_are_absent_when_empty() {
        let variables = Variables::from([("k".to_owned(), "v".to_owned())]);
        let token = issue(TokenKind::Session, variables.clone());
        assert_eq!(
            *tokens()
                .read(TokenKind::Session, &token, NOW)
                .unwrap()
                .variables,
            variables
        );
        let bare = issue(TokenKind::Session, Variables::new());
        let claims =
            jsonwebtoken::dangerous::insecure_decode_claims::<serde_json::Value>(&bare).unwrap();
        assert_eq!((claims.get("vrs"), claims.get("gen")), (None, None));
    }

    #[test]
    fn another_algorithm_is_refused() {
        let claims = serde_json::json!({"tid": TokenId::MAX.to_string(), "uid": UserId::SERVER.to_string(),
            "usn": "x", "exp": NOW + 10, "iat": NOW});
        let key = EncodingKey::from_secret(&[1; 32]);
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS384), &claims, &key).unwrap();
        assert_eq!(
            tokens().read(TokenKind::Session, &token, NOW),
            Err(TokenError::Invalid)
        );
        // {"alg":"none"}
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", token.split('.').nth(1).unwrap());
        assert_eq!(
            tokens().read(TokenKind::Session, &unsigned, NOW),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn ids_ascend_also_after_a_clock_set_back() {
        let ids = TokenIds::default();
        let made: Vec<_> = (0..10_000).map(|_| ids.next()).collect();
        assert!(made.is_sorted_by(|a, b| a < b));
        let ahead = Timestamp::from_unix(ContextV7::new(), 4_000_000_000, 0);
        let seen = TokenId(Uuid::new_v7(ahead));
        ids.follow(seen);
        assert!(ids.next() > seen);
        assert!(ids.next() < TokenId::MAX);
    }

    proptest! {
        #[test]
        fn no_text_is_a_token(text in "\\PC*") {
            prop_assert_eq!(tokens().read(TokenKind::Session, &text, NOW), Err(TokenError::Invalid));
        }

        #[test]
        fn one_changed_character_breaks_a_token(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_.-]") {
            let token = issue(TokenKind::Session, Variables::new());
            let at = at.index(token.len());
            let mut changed = token.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != token);
            prop_assert_eq!(tokens().read(TokenKind::Session, &changed, NOW), Err(TokenError::Invalid));
        }
    }
}
