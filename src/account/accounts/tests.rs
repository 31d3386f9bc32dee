use std::{collections::HashMap, future::ready};

use parking_lot::Mutex;

use super::*;
use crate::{
    account::{LinkError, PasswordChange, credential::DeviceId},
    store::StoreFuture,
};

/// Devices and revocations in memory; what these tests do not need is not there.
#[derive(Default)]
struct MemoryStore {
    users: Mutex<HashMap<String, Login>>,
    revocations: Mutex<Vec<Revocation>>,
}

fn key(device: &DeviceId) -> String {
    device.as_str().to_owned()
}

impl AccountStore for MemoryStore {
    fn login(&self, by: LoginBy) -> StoreFuture<'_, Result<Option<Login>, StoreError>> {
        let users = self.users.lock();
        let login = match by {
            LoginBy::Identity(Identity::Device(id)) => users.get(&key(&id)).cloned(),
            LoginBy::User(user) => users.values().find(|login| login.user == user).cloned(),
            _ => None,
        };
        Box::pin(ready(Ok(login)))
    }

    fn create(&self, account: NewAccount) -> StoreFuture<'_, Result<(), CreateError>> {
        let NewIdentity::Device(id) = &account.identity else {
            unreachable!("tests sign in with devices")
        };
        let username = account.username.as_str().to_owned();
        let mut users = self.users.lock();
        if users.values().any(|login| login.username == username) {
            return Box::pin(ready(Err(CreateError::UsernameTaken)));
        }
        users.insert(
            key(id),
            Login {
                user: account.user,
                username,
                password_hash: None,
            },
        );
        Box::pin(ready(Ok(())))
    }

    fn account(&self, _: UserId) -> StoreFuture<'_, Result<Option<Account>, StoreError>> {
        unreachable!("no test asks for a whole account")
    }

    fn users(
        &self,
        _: Vec<UserId>,
        _: Vec<String>,
    ) -> StoreFuture<'_, Result<Vec<User>, StoreError>> {
        unreachable!("no test looks users up")
    }

    fn update(
        &self,
        _: UserId,
        _: ProfileUpdate,
        _: SystemTime,
    ) -> StoreFuture<'_, Result<(), UpdateError>> {
        unreachable!("no test changes a profile")
    }

    fn link(
        &self,
        _: UserId,
        _: NewIdentity,
        _: Option<PasswordChange>,
        _: SystemTime,
    ) -> StoreFuture<'_, Result<(), LinkError>> {
        unreachable!("no test links")
    }

    fn unlink(
        &self,
        _: UserId,
        _: Identity,
        _: Option<String>,
        _: SystemTime,
    ) -> StoreFuture<'_, Result<(), LinkError>> {
        unreachable!("no test unlinks")
    }

    fn delete(
        &self,
        user: UserId,
        revocation: Revocation,
    ) -> StoreFuture<'_, Result<(), DeleteError>> {
        self.users.lock().retain(|_, login| login.user != user);
        self.revocations.lock().push(revocation);
        Box::pin(ready(Ok(())))
    }

    fn revoke(
        &self,
        revocations: Vec<Revocation>,
        _: SystemTime,
    ) -> StoreFuture<'_, Result<(), StoreError>> {
        self.revocations.lock().extend(revocations);
        Box::pin(ready(Ok(())))
    }

    fn rotate(&self, _: Presented) -> StoreFuture<'_, Result<Rotation, StoreError>> {
        unreachable!("no test has tokens that are good once")
    }

    fn revocations(&self, _: SystemTime) -> StoreFuture<'_, Result<Vec<Revocation>, StoreError>> {
        Box::pin(ready(Ok(self.revocations.lock().clone())))
    }
}

/// Nobody is online.
struct NoSessions;

impl OpenSessions for NoSessions {
    fn close(&self, _: UserId, _: Ends, _: TokensEnded) {}

    fn name_is_carried_by_others(&self, _: &str, _: UserId) -> bool {
        false
    }
}

async fn open(store: &Arc<MemoryStore>) -> Accounts {
    let keys = Keys {
        session: [1; 32],
        refresh: [2; 32],
        cursor: [3; 32],
    };
    Accounts::open(
        store.clone(),
        &keys,
        &Settings::default(),
        Arc::new(NoSessions),
        Rates::new(&Settings::default()),
    )
    .await
    .unwrap()
}

fn request(device: &str, create: bool) -> SignInRequest {
    let id = DeviceId::parse(&format!("device-of-{device}")).unwrap();
    let by = SignInBy::Credential(Credential::Device(id));
    SignInRequest {
        by,
        username: None,
        create,
        variables: Variables::new(),
        from: std::net::IpAddr::from([127, 0, 0, 1]).into(),
    }
}

async fn sign_in(accounts: &Accounts, device: &str) -> SessionGrant {
    accounts.authenticate(request(device, true)).await.unwrap()
}

async fn refresh(accounts: &Accounts, token: &str) -> Result<SessionGrant, AccountError> {
    accounts
        .refresh(RefreshRequest {
            token: token.to_owned(),
            variables: Variables::new(),
        })
        .await
}

async fn logout(
    accounts: &Accounts,
    bearer: &SessionGrant,
    request: LogoutRequest,
) -> Result<(), AccountError> {
    let caller = accounts.verify(&bearer.token).unwrap();
    accounts.logout(&caller, request).await
}

#[actix_rt::test]
async fn a_device_makes_one_account() {
    let accounts = open(&Arc::default()).await;
    let unknown = accounts.authenticate(request("ada", false)).await;
    assert!(matches!(unknown, Err(AccountError::NotFound)));
    let (first, second) = (
        sign_in(&accounts, "ada").await,
        sign_in(&accounts, "ada").await,
    );
    assert!(first.created && !second.created);
    let (first, second) = (
        accounts.verify(&first.token).unwrap(),
        accounts.verify(&second.token).unwrap(),
    );
    assert_eq!(first.user, second.user);
    assert!(
        first.token < second.token,
        "each sign-in is a family of its own"
    );
}

#[actix_rt::test]
async fn logout_ends_one_family_with_all_it_was_refreshed_to() {
    let store = Arc::default();
    let accounts = open(&store).await;
    let (phone, tablet) = (
        sign_in(&accounts, "ada").await,
        sign_in(&accounts, "ada").await,
    );
    let refreshed = refresh(&accounts, &phone.refresh_token).await.unwrap();
    let request = LogoutRequest {
        refresh_token: Some(refreshed.refresh_token.clone()),
        ..LogoutRequest::default()
    };
    logout(&accounts, &tablet, request).await.unwrap();
    // The second round is after a restart.
    for accounts in [accounts, open(&store).await] {
        for grant in [&phone, &refreshed] {
            assert_eq!(accounts.verify(&grant.token), Err(TokenError::Ended));
            let again = refresh(&accounts, &grant.refresh_token).await;
            assert!(matches!(again, Err(AccountError::Token(TokenError::Ended))));
        }
        assert!(accounts.verify(&tablet.token).is_ok());
    }
}

#[actix_rt::test]
async fn logout_without_tokens_ends_everything_until_now() {
    let store = Arc::default();
    let accounts = open(&store).await;
    let (phone, tablet) = (
        sign_in(&accounts, "ada").await,
        sign_in(&accounts, "ada").await,
    );
    let other = sign_in(&accounts, "bob").await;
    logout(&accounts, &phone, LogoutRequest::default())
        .await
        .unwrap();
    let fresh = sign_in(&accounts, "ada").await;
    for accounts in [accounts, open(&store).await] {
        assert_eq!(accounts.verify(&phone.token), Err(TokenError::Ended));
        assert_eq!(accounts.verify(&tablet.token), Err(TokenError::Ended));
        assert!(accounts.verify(&other.token).is_ok());
        assert!(accounts.verify(&fresh.token).is_ok());
        let newest = sign_in(&accounts, "ada").await;
        assert!(accounts.verify(&newest.token).is_ok());
    }
}

#[actix_rt::test]
async fn logout_refuses_tokens_that_are_not_the_callers() {
    let accounts = open(&Arc::default()).await;
    let (ada, bob) = (
        sign_in(&accounts, "ada").await,
        sign_in(&accounts, "bob").await,
    );
    for text in ["garbage", &bob.token, &ada.refresh_token] {
        let request = LogoutRequest {
            token: Some(text.to_owned()),
            refresh_token: Some(ada.refresh_token.clone()),
        };
        let refused = logout(&accounts, &ada, request).await;
        assert!(matches!(refused, Err(AccountError::LogoutToken("token"))));
    }
    assert!(accounts.verify(&ada.token).is_ok() && accounts.verify(&bob.token).is_ok());
}

#[actix_rt::test]
async fn a_deleted_account_is_gone_at_once() {
    let store = Arc::default();
    let accounts = open(&store).await;
    let grant = sign_in(&accounts, "ada").await;
    let caller = accounts.verify(&grant.token).unwrap();
    accounts.delete(caller.user).await.unwrap();
    for accounts in [accounts, open(&store).await] {
        assert_eq!(accounts.verify(&grant.token), Err(TokenError::Ended));
        assert!(refresh(&accounts, &grant.refresh_token).await.is_err());
        let reborn = sign_in(&accounts, "ada").await;
        assert_ne!(accounts.verify(&reborn.token).unwrap().user, caller.user);
    }
}

#[actix_rt::test]
async fn a_refresh_keeps_variables_or_replaces_them_all() {
    let accounts = open(&Arc::default()).await;
    let variables = |pairs: &[(&str, &str)]| -> Variables {
        pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    };
    let request = SignInRequest {
        variables: variables(&[("a", "1"), ("b", "2")]),
        ..request("ada", true)
    };
    let grant = accounts.authenticate(request).await.unwrap();
    let kept = refresh(&accounts, &grant.refresh_token).await.unwrap();
    assert_eq!(
        *accounts.verify(&kept.token).unwrap().variables,
        variables(&[("a", "1"), ("b", "2")])
    );
    let replace = RefreshRequest {
        token: grant.refresh_token,
        variables: variables(&[("a", "3")]),
    };
    let replaced = accounts.refresh(replace).await.unwrap();
    assert_eq!(
        *accounts.verify(&replaced.token).unwrap().variables,
        variables(&[("a", "3")])
    );
}

#[actix_rt::test]
async fn too_many_variables_are_refused() {
    let accounts = open(&Arc::default()).await;
    let variables = (0..101).map(|n| (n.to_string(), String::new())).collect();
    let result = accounts
        .authenticate(SignInRequest {
            variables,
            ..request("ada", true)
        })
        .await;
    assert!(matches!(
        result,
        Err(AccountError::TooMany {
            what: "vars",
            max: 100
        })
    ));
}
