//! Bodies and query parameters of REST.

use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::assert_short_line;
use crate::{
    account::{LogoutRequest, ProfileUpdate, RefreshRequest},
    group::{GroupUpdate, NewGroup},
    wire::{
        error::ApiError,
        rest::{
            account::{EmailBody, IdBody, LogoutBody, ProfileBody, RefreshBody},
            body,
            group::{GroupUpdateBody, NewGroupBody},
            query::Query,
        },
    },
};

/// A body says the same with blanks around it and with a field that nobody knows. Read as any of the types there
/// are, with the checks that follow, it is taken or refused.
pub fn rest_body(bytes: &[u8]) {
    read(bytes, |body: IdBody| {
        let (device, custom) = (body.device(), body.custom());
        Ok(format!("{device:?} {custom:?} {:?}", body.into_variables()))
    });
    read(bytes, |body: EmailBody| {
        let (sign_in, email) = (body.sign_in(None), body.email());
        Ok(format!("{sign_in:?} {email:?} {:?}", body.into_variables()))
    });
    read(bytes, |body: RefreshBody| {
        let RefreshRequest { token, variables } = body.try_into()?;
        assert!(!token.is_empty());
        Ok(format!("{token} {variables:?}"))
    });
    read(bytes, |body: LogoutBody| {
        let request = LogoutRequest::from(body);
        Ok(format!("{:?} {:?}", request.token, request.refresh_token))
    });
    read(bytes, |body: ProfileBody| {
        let update = ProfileUpdate::try_from(body)?;
        let fits = update
            .check()
            .inspect_err(|error| assert_short_line(&error.to_string()));
        Ok(format!("{update:?} {fits:?}"))
    });
    read(bytes, |body: NewGroupBody| {
        let group = NewGroup::try_from(body)?;
        let fits = group
            .check()
            .inspect_err(|error| assert_short_line(&error.to_string()));
        Ok(format!("{group:?} {fits:?}"))
    });
    read(bytes, |body: GroupUpdateBody| {
        Ok(format!("{:?}", GroupUpdate::from(body)))
    });
}

/// `check` makes of a body what the call works with, and shows it.
fn read<T: DeserializeOwned>(bytes: &[u8], check: impl Fn(T) -> Result<String, ApiError>) {
    let outcome = |bytes: &[u8]| {
        let shown = body::parse(bytes).and_then(&check);
        shown.map_err(|error| error.message.into_owned())
    };
    let shown = outcome(bytes);
    if let Err(refusal) = &shown {
        assert_short_line(refusal);
    }
    let spaced = [b" \r\n\t", bytes, b"\n "].concat();
    assert_eq!(outcome(&spaced), shown);
    let Some(fields) = bytes.trim_ascii().strip_prefix(b"{") else {
        return;
    };
    if shown.is_ok() && !fields.trim_ascii_start().starts_with(b"}") {
        let extended = [br#"{"no_such_field":[{}],"#, fields].concat();
        assert_eq!(outcome(&extended), shown);
    }
}

/// Every parameter that the calls know is found with its value in either spelling, or is refused without its value.
/// Written again, it has the same values.
pub fn rest_query(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let query = Query::parse(text);
    for (name, camel) in PARAMETERS {
        let values: Vec<&str> = query.texts(name).collect();
        match query.text(name) {
            Ok(value) => assert_eq!(values, value.as_slice()),
            Err(error) => {
                assert!(values.len() > 1);
                assert_short_line(&error.message);
            }
        }
        let refused = [query.boolean(name).err(), query.integer(name).err()];
        for error in refused.into_iter().flatten() {
            assert_short_line(&error.message);
            assert!(error.message.contains(name), "{error}");
        }
        if let (Ok(Some(flag)), Ok(Some(number))) = (query.boolean(name), query.integer(name)) {
            assert_eq!(i32::from(flag), number);
        }
        for name in [name, camel] {
            let mut written = form_urlencoded::Serializer::new(String::new());
            written.extend_pairs(values.iter().map(|value| (name, value)));
            let written = written.finish();
            let again = Query::parse(&written);
            assert_eq!(again.texts(name).collect::<Vec<_>>(), values);
        }
    }
}

/// Of the calls, with their other spelling.
const PARAMETERS: [(&str, &str); 10] = [
    ("create", "create"),
    ("cursor", "cursor"),
    ("edge_count", "edgeCount"),
    ("forward", "forward"),
    ("ids", "ids"),
    ("lang_tag", "langTag"),
    ("limit", "limit"),
    ("name", "name"),
    ("user_ids", "userIds"),
    ("usernames", "usernames"),
];
