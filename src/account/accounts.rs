//! The account service: what REST and the socket handshake ask for.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{
    credential::{Credential, Identity, Password, Username},
    error::AccountError,
    keys::Keys,
    open_sessions::{OpenSessions, TokensEnded},
    password::Passwords,
    profile::{Account, ProfileUpdate, User},
    request::{LogoutRequest, RefreshRequest, SessionGrant, SignInBy, SignInRequest},
    revocation::{Ends, Revocation, Revocations},
    store::{
        AccountStore, CreateError, DeleteError, LinkError, Login, LoginBy, NewAccount, NewIdentity,
        UpdateError,
    },
    token::{Caller, TokenError, TokenId, TokenIds, TokenKind, Tokens, Variables},
};
use crate::{config::Settings, store::StoreError, user::UserId};

/// Names tried for an account made without one. 52^10 names make a second try rare already.
const NAME_TRIES: usize = 5;

/// Accounts and their tokens. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Accounts(Arc<Inner>);

struct Inner {
    store: Arc<dyn AccountStore>,
    sessions: Arc<dyn OpenSessions>,
    tokens: Tokens,
    ids: TokenIds,
    revocations: Revocations,
    passwords: Passwords,
    max_list_items: usize,
}

impl Accounts {
    /// Loads the revocations in force, so no token ended before a restart works after it.
    pub(crate) async fn open(
        store: Arc<dyn AccountStore>,
        keys: &Keys,
        settings: &Settings,
        sessions: Arc<dyn OpenSessions>,
    ) -> Result<Self, StoreError> {
        let now = SystemTime::now();
        let revocations = Revocations::new(store.revocations(now).await?, now);
        let ids = TokenIds::default();
        if let Some(cut) = revocations.highest_cut() {
            ids.follow(cut);
        }
        Ok(Self(Arc::new(Inner {
            store,
            sessions,
            tokens: Tokens::new(keys, settings.token_expiry, settings.refresh_expiry),
            ids,
            revocations,
            passwords: Passwords::new(settings.password_hashers),
            max_list_items: settings.max_list_items,
        })))
    }

    /// Who a session token speaks for. Reads no database.
    pub(crate) fn verify(&self, token: &str) -> Result<Caller, TokenError> {
        self.verify_kind(TokenKind::Session, token)
    }

    /// Whether a token verified before has been ended since. A socket asks once more after it has
    /// arrived at its user's actor, as a logout in between would not have found it.
    pub(crate) fn is_ended(&self, user: UserId, token: TokenId) -> bool {
        self.0.revocations.is_ended(user, token)
    }

    fn verify_kind(&self, kind: TokenKind, token: &str) -> Result<Caller, TokenError> {
        let caller = self.0.tokens.read(kind, token, unix_seconds())?;
        if self.is_ended(caller.user, caller.token) {
            return Err(TokenError::Ended);
        }
        Ok(caller)
    }

    /// Signs in, and makes the account when it is unknown and the request says so.
    pub(crate) async fn authenticate(
        &self,
        request: SignInRequest,
    ) -> Result<SessionGrant, AccountError> {
        self.check_count("vars", request.variables.len())?;
        let SignInRequest {
            by,
            username,
            create,
            variables,
        } = request;
        let (login_by, password) = match by.clone() {
            SignInBy::Credential(Credential::Device(id)) => {
                (LoginBy::Identity(Identity::Device(id)), None)
            }
            SignInBy::Credential(Credential::Custom(id)) => {
                (LoginBy::Identity(Identity::Custom(id)), None)
            }
            SignInBy::Credential(Credential::Email(email, password)) => {
                (LoginBy::Identity(Identity::Email(email)), Some(password))
            }
            SignInBy::Username(name, password) => (LoginBy::Username(name), Some(password)),
        };
        if let Some(login) = self.0.store.login(login_by.clone()).await? {
            return self.admit(login, password, &variables).await;
        }
        let identity = match by {
            SignInBy::Credential(credential) if create => self.identity(credential).await?,
            _ => return Err(AccountError::NotFound),
        };
        match self.create(identity, username).await {
            Ok((user, username)) => {
                Ok(self.grant(user, username.as_str(), self.0.ids.next(), &variables, true))
            }
            // The same client signed up twice at once; the other request made the account.
            Err(CreateError::IdentityTaken) => {
                let login = self
                    .0
                    .store
                    .login(login_by)
                    .await?
                    .ok_or(AccountError::NotFound)?;
                self.admit(login, password, &variables).await
            }
            Err(CreateError::UsernameTaken) => Err(AccountError::UsernameTaken),
            Err(CreateError::Store(error)) => Err(error.into()),
        }
    }

    /// What is to be kept of a credential.
    async fn identity(&self, credential: Credential) -> Result<NewIdentity, AccountError> {
        Ok(match credential {
            Credential::Device(id) => NewIdentity::Device(id),
            Credential::Custom(id) => NewIdentity::Custom(id),
            Credential::Email(email, password) => NewIdentity::Email {
                email,
                password_hash: self.0.passwords.hash(password).await?,
            },
        })
    }

    async fn admit(
        &self,
        login: Login,
        password: Option<Password>,
        variables: &Variables,
    ) -> Result<SessionGrant, AccountError> {
        if let Some(password) = password {
            let hash = login.password_hash.ok_or(AccountError::WrongPassword)?;
            if !self.0.passwords.matches(password, hash).await? {
                return Err(AccountError::WrongPassword);
            }
        }
        Ok(self.grant(
            login.user,
            &login.username,
            self.0.ids.next(),
            variables,
            false,
        ))
    }

    async fn create(
        &self,
        identity: NewIdentity,
        wanted: Option<Username>,
    ) -> Result<(UserId, Username), CreateError> {
        let user = UserId::random();
        let mut tries = if wanted.is_some() { 1 } else { NAME_TRIES };
        loop {
            let username = wanted.clone().unwrap_or_else(Username::random);
            let account = NewAccount {
                user,
                username: username.clone(),
                identity: identity.clone(),
                now: SystemTime::now(),
            };
            tries -= 1;
            match self.0.store.create(account).await {
                Ok(()) => return Ok((user, username)),
                Err(CreateError::UsernameTaken) if tries > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn grant(
        &self,
        user: UserId,
        username: &str,
        token: TokenId,
        variables: &Variables,
        created: bool,
    ) -> SessionGrant {
        let now = unix_seconds();
        let issue = |kind| {
            self.0
                .tokens
                .issue(kind, user, username, token, variables, now)
        };
        SessionGrant {
            user,
            token: issue(TokenKind::Session),
            refresh_token: issue(TokenKind::Refresh),
            created,
        }
    }

    /// Buys a new pair of the same family with a refresh token, under the user's present name.
    pub(crate) async fn refresh(
        &self,
        request: RefreshRequest,
    ) -> Result<SessionGrant, AccountError> {
        self.check_count("vars", request.variables.len())?;
        let caller = self.verify_kind(TokenKind::Refresh, &request.token)?;
        let login = self
            .0
            .store
            .login(LoginBy::User(caller.user))
            .await?
            .ok_or(TokenError::Ended)?;
        let variables = match request.variables.is_empty() {
            true => &*caller.variables,
            false => &request.variables,
        };
        Ok(self.grant(caller.user, &login.username, caller.token, variables, false))
    }

    /// Ends the families of the given tokens, or all tokens of the caller when none is given, and
    /// closes their sockets.
    pub(crate) async fn logout(
        &self,
        caller: &Caller,
        request: LogoutRequest,
    ) -> Result<(), AccountError> {
        let mut families = BTreeSet::new();
        for (field, kind, token) in [
            ("token", TokenKind::Session, request.token),
            ("refresh_token", TokenKind::Refresh, request.refresh_token),
        ] {
            let Some(token) = token else { continue };
            let named = self.0.tokens.read(kind, &token, unix_seconds()).ok();
            // Somebody else's token is treated like garbage: there is nothing to learn from it.
            let named = named
                .filter(|named| named.user == caller.user)
                .ok_or(AccountError::LogoutToken(field))?;
            families.insert(named.token);
        }
        let everything = families.is_empty();
        let ends: Vec<_> = if everything {
            // Also after tokens from before a restart, should the clock have been set back since.
            self.0.ids.follow(caller.token);
            vec![Ends::UpTo(self.0.ids.next())]
        } else {
            families.into_iter().map(Ends::Family).collect()
        };
        let now = SystemTime::now();
        let revocations: Vec<_> = ends
            .iter()
            .map(|&ends| self.revocation(caller.user, ends, now))
            .collect();
        self.0.store.revoke(revocations.clone(), now).await?;
        self.0.revocations.add(&revocations, now);
        for ends in ends {
            self.0
                .sessions
                .close(caller.user, ends, TokensEnded::LoggedOut);
        }
        Ok(())
    }

    fn revocation(&self, user: UserId, ends: Ends, now: SystemTime) -> Revocation {
        Revocation {
            user,
            ends,
            until: now + self.0.tokens.longest_life(),
        }
    }

    /// The caller's own account.
    pub(crate) async fn get(&self, user: UserId) -> Result<Account, AccountError> {
        self.0
            .store
            .account(user)
            .await?
            .ok_or(AccountError::NotFound)
    }

    /// Changes the fields of the profile that are given. Sockets keep the old name until they
    /// connect with a new token.
    pub(crate) async fn update(
        &self,
        user: UserId,
        update: ProfileUpdate,
    ) -> Result<(), AccountError> {
        if update.is_empty() {
            return Err(AccountError::NothingToUpdate);
        }
        update.check()?;
        self.0
            .store
            .update(user, update, SystemTime::now())
            .await
            .map_err(|error| match error {
                UpdateError::NoSuchUser => AccountError::NotFound,
                UpdateError::UsernameTaken => AccountError::RenameTaken,
                UpdateError::Store(error) => error.into(),
            })
    }

    /// Removes the account, ends all its tokens and closes its sockets. Messages stay. Groups have to be
    /// left first.
    pub(crate) async fn delete(&self, user: UserId) -> Result<(), AccountError> {
        let now = SystemTime::now();
        let revocation = self.revocation(user, Ends::UpTo(TokenId::MAX), now);
        let deleted = self.0.store.delete(user, revocation).await;
        deleted.map_err(|error| match error {
            DeleteError::StillInGroups => AccountError::StillInGroups,
            DeleteError::Store(error) => error.into(),
        })?;
        self.0.revocations.add(&[revocation], now);
        let all = Ends::UpTo(TokenId::MAX);
        self.0
            .sessions
            .close(user, all, TokensEnded::AccountDeleted);
        Ok(())
    }

    /// Links what a user signs in with to the caller's account.
    pub(crate) async fn link(
        &self,
        user: UserId,
        credential: Credential,
    ) -> Result<(), AccountError> {
        let name = match credential {
            Credential::Device(_) => "device id",
            Credential::Custom(_) => "custom id",
            Credential::Email(..) => "email",
        };
        let identity = self.identity(credential).await?;
        self.0
            .store
            .link(user, identity, SystemTime::now())
            .await
            .map_err(|error| link_error(error, name))
    }

    /// Unlinks one identity of several.
    pub(crate) async fn unlink(
        &self,
        user: UserId,
        identity: Identity,
    ) -> Result<(), AccountError> {
        self.0
            .store
            .unlink(user, identity, SystemTime::now())
            .await
            .map_err(|error| link_error(error, "identity"))
    }

    /// Users by id and by name, each once, unknown ones left out.
    pub(crate) async fn find_users(
        &self,
        ids: Vec<UserId>,
        names: Vec<String>,
    ) -> Result<Vec<User>, AccountError> {
        self.check_count("ids and usernames", ids.len() + names.len())?;
        if ids.is_empty() && names.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.0.store.users(ids, names).await?)
    }

    fn check_count(&self, what: &'static str, count: usize) -> Result<(), AccountError> {
        let max = self.0.max_list_items;
        if count > max {
            return Err(AccountError::TooMany { what, max });
        }
        Ok(())
    }
}

fn link_error(error: LinkError, name: &'static str) -> AccountError {
    match error {
        LinkError::NoSuchUser => AccountError::NotFound,
        LinkError::Taken => AccountError::IdentityTaken(name),
        LinkError::NotRemovable => AccountError::CannotUnlink,
        LinkError::Store(error) => error.into(),
    }
}

/// A clock before 1970 counts as 1970: tokens then live longer, and nothing breaks.
fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
