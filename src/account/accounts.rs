//! The account service: what REST and the socket handshake ask for. Links are in `links`.

mod links;

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::sync::RwLock;

use super::{
    credential::{Credential, Identity, Password, Username},
    decoy::decoy_hash,
    error::AccountError,
    keys::Keys,
    metrics::{REFRESH_TOKENS_REUSED, Reuse},
    open_sessions::{OpenSessions, TokensEnded},
    password::{HashFor, Passwords},
    profile::{Account, ProfileUpdate, User},
    request::{LogoutRequest, RefreshRequest, SessionGrant, SignInBy, SignInRequest},
    revocation::{Ends, Revocation, Revocations},
    rotation::{Presented, Rotation},
    store::{
        AccountStore, CreateError, DeleteError, Login, LoginBy, NewAccount, NewIdentity,
        UpdateError,
    },
    token::{Bearer, Caller, TokenError, TokenId, TokenIds, TokenKind, Tokens, Variables},
};
use crate::{
    config::{InvisibleNames, Settings},
    name,
    rate::{Address, Rates},
    store::StoreError,
    user::UserId,
};

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
    /// What a password is compared with where there is none.
    decoy: String,
    /// Held while a password is being changed; sign-ins look passwords up in between.
    password_changes: RwLock<()>,
    require_old_password: bool,
    rotate_refresh_tokens: bool,
    refresh_grace: Duration,
    rates: Arc<Rates>,
    invisible_names: InvisibleNames,
    max_list_items: usize,
}

impl Accounts {
    /// Loads the revocations in force, so no token ended before a restart works after it.
    pub(crate) async fn open(
        store: Arc<dyn AccountStore>,
        keys: &Keys,
        settings: &Settings,
        sessions: Arc<dyn OpenSessions>,
        rates: Arc<Rates>,
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
            decoy: decoy_hash(),
            password_changes: RwLock::default(),
            require_old_password: settings.require_old_password,
            rotate_refresh_tokens: settings.rotate_refresh_tokens,
            refresh_grace: settings.refresh_grace,
            rates,
            invisible_names: settings.invisible_names,
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
            from,
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
        if let (token, Some(login)) = self.look_up(login_by.clone(), &password).await? {
            return self.admit(login, password, token, &variables, from).await;
        }
        let credential = match by {
            SignInBy::Credential(credential) if create => credential,
            SignInBy::Credential(_) | SignInBy::Username(..) => {
                if let Some(password) = password {
                    let (decoy, hash_for) = (self.0.decoy.clone(), HashFor::Address(from));
                    self.0.passwords.matches(password, decoy, hash_for).await?;
                }
                return Err(AccountError::NotFound);
            }
        };
        let username = username.map(|name| self.visible(name)).transpose()?;
        self.0.rates.address_sign_ups.take(&from)?;
        let identity = self.identity(credential, HashFor::Address(from)).await?;
        match self.create(identity, username).await {
            Ok((user, username)) => {
                let bearer = Bearer {
                    user,
                    username: username.as_str(),
                    token: self.0.ids.next(),
                    generation: 0,
                    variables: &variables,
                };
                Ok(self.grant(&bearer, true))
            }
            // The same client signed up twice at once; the other request made the account.
            Err(CreateError::IdentityTaken) => {
                let (token, login) = self.look_up(login_by, &password).await?;
                let login = login.ok_or(AccountError::NotFound)?;
                self.admit(login, password, token, &variables, from).await
            }
            Err(CreateError::UsernameTaken) => Err(AccountError::UsernameTaken),
            Err(CreateError::Store(error)) => Err(error.into()),
        }
    }

    /// A new name of a user as it may be kept.
    fn visible(&self, name: Username) -> Result<Username, AccountError> {
        let visible = name::visible(name.as_str(), "username", self.0.invisible_names)?;
        Ok(Username::parse(&visible)?)
    }

    /// What is to be kept of a credential.
    async fn identity(
        &self,
        credential: Credential,
        hash_for: HashFor,
    ) -> Result<NewIdentity, AccountError> {
        Ok(match credential {
            Credential::Device(id) => NewIdentity::Device(id),
            Credential::Custom(id) => NewIdentity::Custom(id),
            Credential::Email(email, password) => NewIdentity::Email {
                email,
                password_hash: self.0.passwords.hash(password, hash_for).await?,
            },
        })
    }

    /// Who is known by what was given, and the token they will have. The token is from before the look, so that it
    /// ends with a password that was looked at while it was being changed.
    async fn look_up(
        &self,
        by: LoginBy,
        password: &Option<Password>,
    ) -> Result<(TokenId, Option<Login>), StoreError> {
        let _unchanged = match password {
            Some(_) => Some(self.0.password_changes.read().await),
            None => None,
        };
        let token = self.0.ids.next();
        Ok((token, self.0.store.login(by).await?))
    }

    async fn admit(
        &self,
        login: Login,
        password: Option<Password>,
        token: TokenId,
        variables: &Variables,
        from: Address,
    ) -> Result<SessionGrant, AccountError> {
        let user = login.user;
        if let Some(password) = password
            && !self
                .guess(user, from, password, login.password_hash)
                .await?
        {
            return Err(AccountError::WrongPassword);
        }
        // Not before: guesses of strangers must not use up what the owner has.
        self.0.rates.sign_ins.take(&user)?;
        if self.is_ended(user, token) {
            return Err(TokenError::Ended.into());
        }
        let bearer = Bearer {
            user,
            username: &login.username,
            token,
            generation: 0,
            variables,
        };
        Ok(self.grant(&bearer, false))
    }

    /// Whether a password is the right one, which takes as long where there is none. Who has guessed wrong too often may
    /// not try any more for a while.
    async fn guess(
        &self,
        user: UserId,
        from: Address,
        password: Password,
        hash: Option<String>,
    ) -> Result<bool, AccountError> {
        let rates = &self.0.rates;
        rates.wrong_passwords.may_try(&(user, from))?;
        rates.account_wrong_passwords.may_try(&user)?;
        let hash_for = HashFor::Account(user, from);
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.0.decoy.clone());
        let right = self.0.passwords.matches(password, hash, hash_for).await? && known;
        if !right {
            rates.wrong_passwords.failed(&(user, from));
            rates.account_wrong_passwords.failed(&user);
        }
        Ok(right)
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
            let created = match self.is_carried_by_others(&username, user) {
                true => Err(CreateError::UsernameTaken),
                false => self.0.store.create(account).await,
            };
            match created {
                Ok(()) => return Ok((user, username)),
                Err(CreateError::UsernameTaken) if tries > 0 => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether an open socket of somebody else still goes by a name.
    fn is_carried_by_others(&self, name: &Username, user: UserId) -> bool {
        let sessions = &self.0.sessions;
        sessions.name_is_carried_by_others(name.as_str(), user)
    }

    async fn is_called(&self, user: UserId, name: &Username) -> Result<bool, StoreError> {
        let login = self.0.store.login(LoginBy::User(user)).await?;
        Ok(login.is_some_and(|login| login.username == name.as_str()))
    }

    fn grant(&self, bearer: &Bearer<'_>, created: bool) -> SessionGrant {
        let now = unix_seconds();
        let issue = |kind| self.0.tokens.issue(kind, bearer, now);
        SessionGrant {
            user: bearer.user,
            token: issue(TokenKind::Session),
            refresh_token: issue(TokenKind::Refresh),
            created,
        }
    }

    /// Buys a new pair of the same family with a refresh token, under the user's present name. By setting, a token
    /// is good for that once; see `rotation`.
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
        let bearer = Bearer {
            user: caller.user,
            username: &login.username,
            token: caller.token,
            generation: self.rotate(&caller).await?,
            variables,
        };
        Ok(self.grant(&bearer, false))
    }

    /// The number of the refresh token that another one buys.
    async fn rotate(&self, caller: &Caller) -> Result<u64, AccountError> {
        if !self.0.rotate_refresh_tokens {
            return Ok(caller.generation);
        }
        let (now, ends) = (SystemTime::now(), Ends::Family(caller.token));
        let presented = Presented {
            family: caller.token,
            generation: caller.generation,
            now,
            grace: self.0.refresh_grace,
            end: self.revocation(caller.user, ends, now),
        };
        let reused = |outcome| {
            REFRESH_TOKENS_REUSED.of(outcome).increment(1);
        };
        match self.0.store.rotate(presented).await? {
            Rotation::Next(generation) => Ok(generation),
            Rotation::Again(generation) => {
                reused(Reuse::Repeated);
                Ok(generation)
            }
            Rotation::Reused => {
                reused(Reuse::Ended);
                tracing::info!(user = %caller.user, "a refresh token was used again: its sign-in has ended");
                self.0.revocations.add(&[presented.end], now);
                self.0
                    .sessions
                    .close(caller.user, ends, TokensEnded::RefreshTokenReused);
                Err(TokenError::Ended.into())
            }
        }
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
    /// connect with a new token, and for as long nobody else can take it.
    pub(crate) async fn update(
        &self,
        user: UserId,
        mut update: ProfileUpdate,
    ) -> Result<(), AccountError> {
        if update.is_empty() {
            return Err(AccountError::NothingToUpdate);
        }
        update.username = update.username.map(|name| self.visible(name)).transpose()?;
        if let Some(name) = &mut update.display_name {
            // Keyboards for Arabic and Hebrew put marks of direction into what is written with them, and nobody is told
            // apart by this name.
            let invisible = match self.0.invisible_names {
                InvisibleNames::Refuse => InvisibleNames::Clean,
                other => other,
            };
            *name = name::visible(name, "display_name", invisible)?.into_owned();
        }
        update.check()?;
        if let Some(name) = &update.username
            && self.is_carried_by_others(name, user)
            && !self.is_called(user, name).await?
        {
            return Err(AccountError::RenameTaken);
        }
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

/// A clock before 1970 counts as 1970: tokens then live longer, and nothing breaks.
fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
