//! Bodies about accounts, users and sessions.

use serde::{Deserialize, Serialize};

use super::time::whole_seconds;
use crate::{
    account::{
        Account, AccountError, Credential, CredentialError, CustomId, DeviceId, Email,
        LogoutRequest, Password, ProfileUpdate, RefreshRequest, SessionGrant, SignInBy, User,
        Username, Variables,
    },
    wire::error::ApiError,
};

/// `{id, vars}`: a device or custom id.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct IdBody {
    id: Option<String>,
    vars: Option<Variables>,
}

impl IdBody {
    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or_default()
    }

    pub(crate) fn device(&self) -> Result<DeviceId, CredentialError> {
        DeviceId::parse(self.id())
    }

    pub(crate) fn custom(&self) -> Result<CustomId, CredentialError> {
        CustomId::parse(self.id())
    }

    pub(crate) fn into_variables(self) -> Variables {
        self.vars.unwrap_or_default()
    }
}

/// `{email, password, vars}`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct EmailBody {
    email: Option<String>,
    password: Option<String>,
    vars: Option<Variables>,
}

impl EmailBody {
    fn password(&self) -> Result<Password, CredentialError> {
        Password::parse(self.password.as_deref().unwrap_or_default())
    }

    /// The address with the password, or the given name with it when there is no address.
    pub(crate) fn sign_in(&self, username: Option<&Username>) -> Result<SignInBy, CredentialError> {
        if self.email.as_deref().unwrap_or_default().is_empty() {
            let missing = CredentialError::Missing { field: "email" };
            return Ok(SignInBy::Username(
                username.cloned().ok_or(missing)?,
                self.password()?,
            ));
        }
        self.credential().map(SignInBy::Credential)
    }

    pub(crate) fn credential(&self) -> Result<Credential, CredentialError> {
        Ok(Credential::Email(self.email()?, self.password()?))
    }

    /// The password there is, among the variables, which every stock client can send. What is no password is not the
    /// right one either.
    pub(crate) fn old_password(&self) -> Option<Password> {
        let given = self.vars.as_ref()?.get("old_password")?;
        Password::parse(given).ok()
    }

    /// The address alone.
    pub(crate) fn email(&self) -> Result<Email, CredentialError> {
        Email::parse(self.email.as_deref().unwrap_or_default())
    }

    pub(crate) fn into_variables(self) -> Variables {
        self.vars.unwrap_or_default()
    }
}

/// `{token, vars}`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct RefreshBody {
    token: Option<String>,
    vars: Option<Variables>,
}

impl TryFrom<RefreshBody> for RefreshRequest {
    type Error = ApiError;

    fn try_from(body: RefreshBody) -> Result<Self, ApiError> {
        let token = body.token.filter(|token| !token.is_empty());
        Ok(Self {
            token: token.ok_or_else(|| ApiError::invalid("token is required"))?,
            variables: body.vars.unwrap_or_default(),
        })
    }
}

/// `{token, refresh_token}`; an empty text counts as none.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct LogoutBody {
    token: Option<String>,
    #[serde(alias = "refreshToken")]
    refresh_token: Option<String>,
}

impl From<LogoutBody> for LogoutRequest {
    fn from(body: LogoutBody) -> Self {
        let given = |text: &String| !text.is_empty();
        Self {
            token: body.token.filter(given),
            refresh_token: body.refresh_token.filter(given),
        }
    }
}

/// Fields of a profile to change.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct ProfileBody {
    username: Option<String>,
    #[serde(alias = "displayName")]
    display_name: Option<String>,
    #[serde(alias = "avatarUrl")]
    avatar_url: Option<String>,
    #[serde(alias = "langTag")]
    lang_tag: Option<String>,
    location: Option<String>,
    timezone: Option<String>,
}

impl TryFrom<ProfileBody> for ProfileUpdate {
    type Error = AccountError;

    fn try_from(body: ProfileBody) -> Result<Self, AccountError> {
        Ok(Self {
            username: body
                .username
                .map(|name| Username::parse(&name))
                .transpose()?,
            display_name: body.display_name,
            avatar_url: body.avatar_url,
            lang_tag: body.lang_tag,
            location: body.location,
            timezone: body.timezone,
        })
    }
}

pub(super) fn is_false(flag: &bool) -> bool {
    !flag
}

/// A new pair of tokens.
#[derive(Serialize)]
pub(crate) struct SessionAnswer {
    #[serde(skip_serializing_if = "is_false")]
    created: bool,
    token: String,
    refresh_token: String,
}

impl From<SessionGrant> for SessionAnswer {
    fn from(grant: SessionGrant) -> Self {
        Self {
            created: grant.created,
            token: grant.token,
            refresh_token: grant.refresh_token,
        }
    }
}

/// The JSON text of an empty object: players have no metadata and no wallet here, but clients parse
/// the fields.
pub(super) const EMPTY_OBJECT: &str = "{}";

/// A user as others see it.
#[derive(Serialize)]
pub(crate) struct UserAnswer {
    id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    username: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    display_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    avatar_url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    lang_tag: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    location: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    timezone: String,
    metadata: &'static str,
    #[serde(skip_serializing_if = "is_false")]
    online: bool,
    create_time: String,
    update_time: String,
}

impl UserAnswer {
    /// `online` is whether a session of the user shows a status.
    pub(crate) fn new(user: User, online: bool) -> Self {
        Self {
            id: user.id.to_string(),
            username: user.username,
            display_name: user.display_name,
            avatar_url: user.avatar_url,
            lang_tag: user.lang_tag,
            location: user.location,
            timezone: user.timezone,
            metadata: EMPTY_OBJECT,
            online,
            create_time: whole_seconds(user.created),
            update_time: whole_seconds(user.updated),
        }
    }
}

/// Users that were looked up.
#[derive(Serialize)]
pub(crate) struct UsersAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) users: Vec<UserAnswer>,
}

#[derive(Serialize)]
struct DeviceAnswer {
    id: String,
}

/// The caller's own account.
#[derive(Serialize)]
pub(crate) struct AccountAnswer {
    user: UserAnswer,
    wallet: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    devices: Vec<DeviceAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_id: Option<String>,
}

impl AccountAnswer {
    /// `online` is whether a session of the user shows a status.
    pub(crate) fn new(account: Account, online: bool) -> Self {
        Self {
            user: UserAnswer::new(account.user, online),
            wallet: EMPTY_OBJECT,
            email: account.email.map(|email| email.as_str().to_owned()),
            devices: account
                .devices
                .iter()
                .map(|device| DeviceAnswer {
                    id: device.as_str().to_owned(),
                })
                .collect(),
            custom_id: account.custom.map(|custom| custom.as_str().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::UserId;
    use std::time::UNIX_EPOCH;

    fn ada() -> User {
        User {
            id: UserId::SERVER,
            username: "ada".into(),
            display_name: String::new(),
            avatar_url: String::new(),
            lang_tag: "en".into(),
            location: String::new(),
            timezone: String::new(),
            created: UNIX_EPOCH,
            updated: UNIX_EPOCH,
        }
    }

    #[test]
    fn defaults_are_left_out() {
        let account = Account {
            user: ada(),
            devices: vec![DeviceId::parse("device-one").unwrap()],
            custom: None,
            email: None,
        };
        let json = serde_json::to_string(&AccountAnswer::new(account, false)).unwrap();
        assert_eq!(
            json,
            "{\"user\":{\"id\":\"00000000-0000-0000-0000-000000000000\",\"username\":\"ada\",\"lang_tag\":\"en\",\
             \"metadata\":\"{}\",\"create_time\":\"1970-01-01T00:00:00Z\",\"update_time\":\"1970-01-01T00:00:00Z\"},\
             \"wallet\":\"{}\",\"devices\":[{\"id\":\"device-one\"}]}"
        );
        assert_eq!(
            serde_json::to_string(&UsersAnswer { users: vec![] }).unwrap(),
            "{}"
        );
    }

    #[test]
    fn without_an_address_the_name_signs_in() {
        let body = EmailBody {
            password: Some("password-1".into()),
            ..EmailBody::default()
        };
        assert!(matches!(
            body.sign_in(None),
            Err(CredentialError::Missing { field: "email" })
        ));
        let name = Username::parse("ada").unwrap();
        assert!(matches!(
            body.sign_in(Some(&name)),
            Ok(SignInBy::Username(..))
        ));
    }

    #[test]
    fn empty_tokens_count_as_none() {
        let body: LogoutBody =
            crate::wire::rest::body::parse(br#"{"token": "", "refreshToken": "x"}"#).unwrap();
        let request = LogoutRequest::from(body);
        assert!(request.token.is_none());
        assert_eq!(request.refresh_token.as_deref(), Some("x"));
    }
}
