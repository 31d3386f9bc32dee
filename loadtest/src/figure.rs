//! Figures as people read them: three significant digits and a unit.

use std::time::Duration;

/// `1234567` as `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many in so long a time, for each second; `–` if there was no time.
pub(crate) fn rate(number: u64, time: Duration) -> String {
    per_second(number, time).map_or_else(none, |rate| count(rate.round() as u64))
}

/// So many in so long a time, for each second; `None` if there was no time.
pub(crate) fn per_second(number: u64, time: Duration) -> Option<f64> {
    (!time.is_zero()).then(|| number as f64 / time.as_secs_f64())
}

/// A time: `850 µs`, `12.3 ms`, `1.25 s`.
pub(crate) fn time(time: Duration) -> String {
    let micros = time.as_secs_f64() * 1e6;
    if micros < 999.5 {
        format!("{} µs", digits(micros))
    } else if micros < 999_500.0 {
        format!("{} ms", digits(micros / 1e3))
    } else {
        format!("{} s", digits(micros / 1e6))
    }
}

/// A time that something took, or `–`.
pub(crate) fn time_or_none(known: Option<Duration>) -> String {
    known.map_or_else(none, time)
}

/// Time on a CPU for each of so many: `12.3 µs`; `–` if there are none.
pub(crate) fn time_each(total: Duration, number: u64) -> String {
    if number == 0 {
        return none();
    }
    let micros = total.as_secs_f64() * 1e6 / number as f64;
    if micros < 999.5 {
        format!("{} µs", digits(micros))
    } else {
        time(Duration::from_secs_f64(micros / 1e6))
    }
}

/// An amount of memory: `512 B`, `12.3 kB`, `1.20 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        ..999.5 => format!("{bytes} B"),
        ..999_500.0 => format!("{} kB", digits(bytes / 1e3)),
        ..999_500_000.0 => format!("{} MB", digits(bytes / 1e6)),
        _ => format!("{} GB", digits(bytes / 1e9)),
    }
}

/// Part of a whole, from 0 to 1: `12 %`.
pub(crate) fn part(part: f64) -> String {
    format!("{} %", digits(part * 100.0))
}

/// What is not known, or does not exist.
pub(crate) fn none() -> String {
    "–".to_owned()
}

/// At least three significant digits, no more than they need.
fn digits(number: f64) -> String {
    match number {
        ..0.05 => format!("{number:.0}"),
        ..9.995 => format!("{number:.2}"),
        ..99.95 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short() {
        let micros = Duration::from_micros;
        assert_eq!(time(micros(0)), "0 µs");
        assert_eq!(time(micros(850)), "850 µs");
        assert_eq!(time(micros(999_400)), "999 ms");
        assert_eq!(time(micros(999_600)), "1.00 s");
        assert_eq!(time(micros(12_345)), "12.3 ms");
        assert_eq!(time(micros(75_000_000)), "75.0 s");
        assert_eq!(time_or_none(None), "–");
        assert_eq!(time_each(micros(10_000), 3000), "3.33 µs");
        assert_eq!(time_each(micros(10_000), 0), "–");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(999_700), "1.00 MB");
        assert_eq!(bytes(123_456_789), "123 MB");
        assert_eq!(part(0.123), "12.3 %");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(rate(3000, Duration::from_millis(1500)), "2,000");
        assert_eq!(rate(3000, Duration::ZERO), "–");
    }
}
