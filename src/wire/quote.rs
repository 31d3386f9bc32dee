/// Of a text that quotes what a client sent, in bytes.
const MOST_BYTES: usize = 300;

/// For answers and logs: cut where it gets long, and without line breaks and other control characters.
pub(super) fn one_line(text: &str) -> String {
    let end = text.floor_char_boundary(MOST_BYTES);
    let cut = if end < text.len() { "…" } else { "" };
    text[..end].replace(char::is_control, " ") + cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_short_stays_and_what_is_long_is_cut_between_letters() {
        assert_eq!(one_line("unknown field `größe`"), "unknown field `größe`");
        assert_eq!(one_line("a\r\nb\u{85}"), "a  b ");
        let long = one_line(&"\u{1f9d9}".repeat(1000));
        assert_eq!(long, "\u{1f9d9}".repeat(75) + "…");
        assert!(one_line(&format!("x{long}{long}")).len() <= 300 + "…".len());
    }
}
