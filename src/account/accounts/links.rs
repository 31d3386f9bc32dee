//! What leads to an account: linked, unlinked, and how its password is changed.
//!
//! A password is changed by linking an email again. Whoever knew the old one is out when that is answered: all
//! families of tokens end but the caller's own, and no sign-in that has looked at the old password outlives it.

use std::time::SystemTime;

use super::Accounts;
use crate::{
    account::{
        AccountError, Caller, Credential, Email, Ends, Identity, LinkError, LoginBy, NewIdentity,
        Password, PasswordChange, TokenError, TokensEnded, password::HashFor,
    },
    rate::Address,
    user::UserId,
};

impl Accounts {
    /// Links what a user signs in with to the caller's account. By setting, where a password is replaced the old
    /// one has to be given.
    pub(crate) async fn link(
        &self,
        caller: &Caller,
        credential: Credential,
        old_password: Option<Password>,
        from: Address,
    ) -> Result<(), AccountError> {
        let (name, identity) = match credential {
            Credential::Device(id) => ("device id", NewIdentity::Device(id)),
            Credential::Custom(id) => ("custom id", NewIdentity::Custom(id)),
            Credential::Email(email, password) => {
                return self
                    .link_email(caller, email, password, old_password, from)
                    .await;
            }
        };
        let now = SystemTime::now();
        let linked = self.0.store.link(caller.user, identity, None, now).await;
        linked.map_err(|error| link_error(error, name))
    }

    async fn link_email(
        &self,
        caller: &Caller,
        email: Email,
        password: Password,
        old_password: Option<Password>,
        from: Address,
    ) -> Result<(), AccountError> {
        let (store, user) = (&self.0.store, caller.user);
        let owner = LoginBy::Identity(Identity::Email(email.clone()));
        let owner = store.login(owner).await?.map(|owner| owner.user);
        if owner.is_some_and(|owner| owner != user) {
            return Err(AccountError::IdentityTaken("email"));
        }
        let login = store.login(LoginBy::User(user)).await?;
        let replaces = login.ok_or(AccountError::NotFound)?.password_hash;
        let hash_for = HashFor::Account(user, from);
        if let Some(hash) = &replaces {
            self.check_old(user, from, old_password, hash).await?;
            // Clients that link at every start change nothing, and end nobody's session.
            let (new, old) = (password.clone(), hash.clone());
            if owner.is_some() && self.0.passwords.matches(new, old, hash_for).await? {
                return Ok(());
            }
        }
        let password_hash = self.0.passwords.hash(password, hash_for).await?;
        let identity = NewIdentity::Email {
            email,
            password_hash,
        };
        // A sign-in that looks at the old password has a token from before `up_to`, or looks when this is over.
        let _alone = self.0.password_changes.write().await;
        if self.is_ended(user, caller.token) {
            return Err(TokenError::Ended.into());
        }
        let now = SystemTime::now();
        self.0.ids.follow(caller.token);
        let ends = Ends::Others {
            up_to: self.0.ids.next(),
            but: caller.token,
        };
        let change = replaces.map(|replaces| PasswordChange {
            replaces,
            end: self.revocation(user, ends, now),
        });
        let linked = store.link(user, identity, change.clone(), now).await;
        linked.map_err(|error| link_error(error, "email"))?;
        if let Some(change) = change {
            self.0.revocations.add(&[change.end], now);
            self.0
                .sessions
                .close(user, ends, TokensEnded::PasswordChanged);
        }
        Ok(())
    }

    /// Unlinks one identity of several. By setting, an email needs its password.
    pub(crate) async fn unlink(
        &self,
        user: UserId,
        identity: Identity,
        old_password: Option<Password>,
        from: Address,
    ) -> Result<(), AccountError> {
        let store = &self.0.store;
        let mut checked = None;
        if self.0.require_old_password && matches!(identity, Identity::Email(_)) {
            let login = store.login(LoginBy::User(user)).await?;
            checked = login.and_then(|login| login.password_hash);
            if let Some(hash) = &checked {
                self.check_old(user, from, old_password, hash).await?;
            }
        }
        let now = SystemTime::now();
        let unlinked = store.unlink(user, identity, checked, now).await;
        unlinked.map_err(|error| link_error(error, "identity"))
    }

    /// Whether somebody who wants to do away with a password knows it, where that is asked for.
    async fn check_old(
        &self,
        user: UserId,
        from: Address,
        old_password: Option<Password>,
        hash: &str,
    ) -> Result<(), AccountError> {
        if !self.0.require_old_password {
            return Ok(());
        }
        let given = old_password.ok_or(AccountError::WrongPassword)?;
        match self.guess(user, from, given, Some(hash.to_owned())).await? {
            true => Ok(()),
            false => Err(AccountError::WrongPassword),
        }
    }
}

fn link_error(error: LinkError, name: &'static str) -> AccountError {
    match error {
        LinkError::NoSuchUser => AccountError::NotFound,
        LinkError::Taken => AccountError::IdentityTaken(name),
        LinkError::NotRemovable => AccountError::CannotUnlink,
        LinkError::PasswordChanged => AccountError::PasswordChanged,
        LinkError::Store(error) => error.into(),
    }
}
