//! Query parameters.

use std::borrow::Cow;

use url::form_urlencoded;

use crate::wire::error::ApiError;

/// The parameters of one request. Names are given in snake_case and found in camelCase too.
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Takes any text: what is no parameter is not found.
    pub(crate) fn parse(text: &'a str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).collect())
    }

    /// Every value of a repeated parameter, in order. A comma is part of its value.
    pub(crate) fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        let camel = camel_case(name);
        self.0
            .iter()
            .filter(move |(key, _)| key == name || *key == camel)
            .map(|(_, value)| value.as_ref())
    }

    /// The one value of a parameter.
    ///
    /// # Errors
    /// The parameter is given more than once.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, ApiError> {
        let mut values = self.texts(name);
        let first = values.next();
        if values.next().is_some() {
            return Err(ApiError::invalid(format!(
                "query parameter {name} is given more than once"
            )));
        }
        Ok(first)
    }

    /// `true`, `false`, `1` or `0`.
    pub(crate) fn boolean(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.text(name)? {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(ApiError::invalid(format!(
                "query parameter {name} must be true or false"
            ))),
        }
    }

    /// A whole number of 32 bits; an empty value is an error.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i32>, ApiError> {
        self.text(name)?
            .map(|value| {
                value.parse().map_err(|_| {
                    ApiError::invalid(format!("query parameter {name} must be a whole number"))
                })
            })
            .transpose()
    }
}

fn camel_case(snake: &str) -> String {
    let mut upper = false;
    snake
        .chars()
        .filter_map(|letter| match letter {
            '_' => {
                upper = true;
                None
            }
            _ if std::mem::take(&mut upper) => Some(letter.to_ascii_uppercase()),
            _ => Some(letter),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_spellings_and_repetition() {
        let query = Query::parse("user_ids=a&userIds=b%2Cc&userids=d&user_ids=");
        assert_eq!(
            query.texts("user_ids").collect::<Vec<_>>(),
            ["a", "b,c", ""]
        );
        assert!(query.text("user_ids").is_err());
        assert_eq!(query.text("ids").unwrap(), None);
    }

    #[test]
    fn booleans() {
        let query = Query::parse("a=true&b=0&c=yes&d=");
        assert_eq!(query.boolean("a").unwrap(), Some(true));
        assert_eq!(query.boolean("b").unwrap(), Some(false));
        assert_eq!(query.boolean("x").unwrap(), None);
        for name in ["c", "d"] {
            assert!(query.boolean(name).unwrap_err().message.contains(name));
        }
    }

    #[test]
    fn numbers() {
        let query = Query::parse("a=100&b=&c=1.0&d=99999999999&e=-1&f=many");
        assert_eq!(query.integer("a").unwrap(), Some(100));
        assert_eq!(query.integer("e").unwrap(), Some(-1));
        for name in ["b", "c", "d", "f"] {
            assert!(query.integer(name).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn values_survive_the_way_here(value in any::<String>()) {
            let text: String = form_urlencoded::Serializer::new(String::new()).append_pair("display_name", &value).finish();
            let query = Query::parse(&text);
            prop_assert_eq!(query.text("display_name").unwrap(), Some(value.as_str()));
        }

        #[test]
        fn no_text_panics(text in any::<String>()) {
            let query = Query::parse(&text);
            let _ = (query.boolean("a"), query.integer("b"), query.texts("c").count());
        }
    }
}
