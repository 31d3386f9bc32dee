//! What the names of users and groups may be made of, so that two that look the same are the same: nothing that
//! nobody sees, and nothing that turns the direction of what stands beside it.
//!
//! Scripts that need them keep what joins or parts letters, and emoji what makes one of several: such a
//! character is let pass between others that show. Beside ASCII it would do nothing but make another name.
//!
//! Not here: lengths (`account`, `group`), and letters that merely resemble each other. The names of rooms are
//! left as they are: they are ids, which clients make up.

use std::borrow::Cow;

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        DefaultIgnorableCodePoint, GeneralCategory, PrependedConcatenationMark, VariationSelector,
    },
};

use crate::config::InvisibleNames;

/// A name with something in it that nobody sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} must not contain invisible characters or marks of direction")]
pub(crate) struct InvisibleError {
    field: &'static str,
}

/// A name as it may be kept.
///
/// # Errors
/// When it holds what nobody sees and such names are refused.
pub(crate) fn visible<'n>(
    name: &'n str,
    field: &'static str,
    invisible: InvisibleNames,
) -> Result<Cow<'n, str>, InvisibleError> {
    // Most names, and a quick look.
    if invisible == InvisibleNames::Allow || name.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Ok(name.into());
    }
    let cleaned = clean(name);
    match invisible {
        InvisibleNames::Refuse if cleaned != name => Err(InvisibleError { field }),
        _ => Ok(cleaned.into()),
    }
}

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
/// Makes a key of a digit in front of it, with a variation selector between the two.
const KEYCAP: char = '\u{20e3}';

/// How a character is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// By itself; and whether it is ASCII, which nothing joins or varies.
    Shown {
        ascii: bool,
    },
    Joiner,
    /// Chooses between forms of the character in front of it.
    Variation,
    Never,
}

fn sight(c: char) -> Sight {
    if c.is_ascii() {
        return match c.is_ascii_control() {
            true => Sight::Never,
            false => Sight::Shown { ascii: true },
        };
    }
    if matches!(c, ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER) {
        return Sight::Joiner;
    }
    if CodePointSetData::new::<VariationSelector>().contains(c) {
        return Sight::Variation;
    }
    let never = match CodePointMapData::<GeneralCategory>::new().get(c) {
        GeneralCategory::Control
        | GeneralCategory::LineSeparator
        | GeneralCategory::ParagraphSeparator => true,
        // Signs such as that of a year in Arabic are formats that show.
        GeneralCategory::Format => {
            !CodePointSetData::new::<PrependedConcatenationMark>().contains(c)
        }
        // Fillers, which are letters.
        _ => CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c),
    };
    match never {
        true => Sight::Never,
        false => Sight::Shown { ascii: false },
    }
}

/// The name without what nobody sees.
fn clean(name: &str) -> String {
    let mut cleaned = String::with_capacity(name.len());
    // Of the last character that was kept.
    let mut before = None;
    let mut characters = name.chars().peekable();
    while let Some(c) = characters.next() {
        let this = sight(c);
        let next = characters.peek().copied();
        let stays = match this {
            Sight::Shown { .. } => true,
            Sight::Never => false,
            Sight::Variation => match before {
                Some(Sight::Shown { ascii: false }) => true,
                Some(Sight::Shown { ascii: true }) => next == Some(KEYCAP),
                _ => false,
            },
            Sight::Joiner => {
                matches!(
                    before,
                    Some(Sight::Shown { ascii: false } | Sight::Variation)
                ) && matches!(next.map(sight), Some(Sight::Shown { ascii: false }))
            }
        };
        if stays {
            cleaned.push(c);
            before = Some(this);
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_in_all_scripts_stay_as_they_are() {
        for name in [
            "ana",
            "Ana Mar\u{ed}a",
            // Persian with a non-joiner, Hindi with a joiner.
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{915}\u{94d}\u{200d}\u{937}",
            // Emoji: joined, with a variation selector and joined, a keycap, with a tone of skin, a flag.
            "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}",
            "\u{2764}\u{fe0f}\u{200d}\u{1f525}",
            "1\u{fe0f}\u{20e3}",
            "\u{1f44d}\u{1f3fd}",
            "\u{1f1eb}\u{1f1f7}",
            // An ideographic and a Mongolian variant.
            "\u{845b}\u{e0100}\u{57ce}",
            "\u{182e}\u{1823}\u{180b}",
            "\u{d55c}\u{ad6d}",
            "\u{5e2}\u{5d1}\u{5e8}",
            // A sign that is a format and shows.
            "\u{662}\u{660}\u{601}",
            "e\u{301}",
        ] {
            let kept = visible(name, "username", InvisibleNames::Refuse);
            assert_eq!(kept.as_deref(), Ok(name), "{name:?}");
        }
    }

    #[test]
    fn what_nobody_sees_is_refused_or_taken_out() {
        for (name, cleaned) in [
            ("a\u{202e}na", "ana"),
            ("\u{2066}ana\u{2069}", "ana"),
            ("ana\u{200e}", "ana"),
            ("ana\u{200f}", "ana"),
            ("ana\u{61c}", "ana"),
            ("a\u{200b}na", "ana"),
            ("a\u{2060}na", "ana"),
            ("\u{feff}ana", "ana"),
            ("a\u{ad}na", "ana"),
            ("ana\u{3164}", "ana"),
            ("ana\u{115f}\u{1160}\u{ffa0}", "ana"),
            ("ana\u{2028}\u{2029}", "ana"),
            ("ana\u{85}\n\u{7f}\u{0}", "ana"),
            ("ana\u{e0061}\u{e007f}", "ana"),
            ("\u{1f3f4}\u{e0067}\u{e007f}", "\u{1f3f4}"),
            ("a\u{34f}na", "ana"),
            // What joins must have something to join, and what varies something to vary.
            ("a\u{200d}na", "ana"),
            ("ana\u{fe0f}", "ana"),
            ("1\u{fe0f}", "1"),
            ("\u{200c}\u{645}", "\u{645}"),
            ("\u{645}\u{200c}", "\u{645}"),
            ("\u{645}\u{200c}\u{200c}\u{6cc}", "\u{645}\u{200c}\u{6cc}"),
            ("\u{645}\u{200c}\u{202e}\u{6cc}", "\u{645}\u{6cc}"),
            ("\u{645}\u{200c}a", "\u{645}a"),
            ("\u{845b}\u{e0100}\u{e0101}", "\u{845b}\u{e0100}"),
            ("\u{200b}", ""),
        ] {
            let refused = visible(name, "username", InvisibleNames::Refuse);
            assert_eq!(
                refused,
                Err(InvisibleError { field: "username" }),
                "{name:?}"
            );
            let kept = visible(name, "username", InvisibleNames::Clean);
            assert_eq!(kept.as_deref(), Ok(cleaned), "{name:?}");
            let kept = visible(name, "username", InvisibleNames::Allow);
            assert_eq!(kept.as_deref(), Ok(name));
        }
    }

    proptest! {
        #[test]
        fn what_is_clean_stays_so(name in "[a-z\u{200b}-\u{200f}\u{202a}-\u{202e}\u{fe0e}\u{fe0f}\u{20e3}1\u{645}-\u{6cc}\u{2764}-\u{27bf}]{0,12}") {
            let cleaned = clean(&name);
            prop_assert_eq!(clean(&cleaned), &*cleaned);
            let kept = visible(&cleaned, "name", InvisibleNames::Refuse);
            prop_assert_eq!(kept.as_deref(), Ok(&*cleaned));
        }
    }
}
