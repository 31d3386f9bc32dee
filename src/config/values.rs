//! The values a setting can hold, and the parsers that bound them.
//!
//! Invariant: a parser names what it would have taken, so that an error can be acted on without
//! opening the documentation. The bounds here and those written in a setting's doc comment are
//! held together by a test in `layers`.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    path::PathBuf,
    str::FromStr,
    time::Duration,
};

use ipnet::IpNet;

/// Why a text is not a value of its setting; reads as "must be …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct ValueError(String);

/// Where Prometheus metrics are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricsListen {
    /// Nowhere; written `off`.
    Off,
    /// On a listener of its own; port 0 takes a free one.
    At(SocketAddr),
}

impl FromStr for MetricsListen {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse().map(Self::At).map_err(|_| {
            ValueError("`off`, or an IP address and a port such as 127.0.0.1:9350".into())
        })
    }
}

impl fmt::Display for MetricsListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::At(address) => address.fmt(f),
        }
    }
}

/// A file that may be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionalFile {
    /// None; written `off`.
    Off,
    /// This one. One that is called `off` is written `./off`.
    At(PathBuf),
}

impl FromStr for OptionalFile {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "" => Err(ValueError("`off`, or the path of a file".into())),
            "off" => Ok(Self::Off),
            path => Ok(Self::At(path.into())),
        }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// A line for people; written `text`.
    Text,
    /// One JSON object per line; written `json`.
    Json,
}

impl FromStr for LogFormat {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(ValueError("`text` or `json`".into())),
        }
    }
}

impl fmt::Display for LogFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// What an acknowledged write outlives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A power cut: every commit is synced to the disk; written `power`.
    Power,
    /// A crash of banter, but not of the machine; written `process`.
    Process,
}

impl FromStr for Durability {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "power" => Ok(Self::Power),
            "process" => Ok(Self::Process),
            _ => Err(ValueError("`power` or `process`".into())),
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Power => "power",
            Self::Process => "process",
        })
    }
}

/// Whether clients are held to the rates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimits {
    /// They are; written `on`.
    On,
    /// They are not, for load tests from one machine; written `off`.
    Off,
}

impl FromStr for RateLimits {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err(ValueError("`on` or `off`".into())),
        }
    }
}

impl fmt::Display for RateLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "on",
            Self::Off => "off",
        })
    }
}

/// How often something may be asked for; written `100/s burst 1000`, `6/min burst 10`.
///
/// A bucket holds `burst`, each request takes one, and it fills at `count` in each `period`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At least 1, at most [`Rate::MOST`].
    pub count: NonZeroU32,
    /// A second, a minute or an hour.
    pub period: Duration,
    /// At least 1, at most [`Rate::MOST`].
    pub burst: NonZeroU32,
}

impl Rate {
    /// The largest number in a rate.
    pub const MOST: u32 = 1_000_000;

    const PERIODS: [(&str, Duration); 3] = [
        ("s", Duration::from_secs(1)),
        ("min", Duration::from_secs(60)),
        ("h", Duration::from_secs(3600)),
    ];

    fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| {
            let number = text.parse().ok()?;
            NonZeroU32::new(number).filter(|number| number.get() <= Self::MOST)
        };
        let (rate, burst) = text.split_once(" burst ")?;
        let (count, unit) = rate.split_once('/')?;
        let known = Self::PERIODS.iter().find(|(name, _)| *name == unit)?;
        Some(Self {
            count: number(count)?,
            period: known.1,
            burst: number(burst)?,
        })
    }
}

impl FromStr for Rate {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::parse(text).ok_or_else(|| {
            ValueError(format!(
                "a rate such as `100/s burst 1000`, per s, min or h, with numbers from 1 to {}",
                Self::MOST
            ))
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = Self::PERIODS
            .iter()
            .find(|(_, period)| *period == self.period);
        let unit = unit.map_or("s", |(name, _)| name);
        write!(f, "{}/{unit} burst {}", self.count, self.burst)
    }
}

/// Networks by their addresses; written `none`, or `10.0.0.0/8, ::1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Whether an address is in one of them.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        // An IPv4 peer of a listener for both comes as `::ffff:…`.
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Networks {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text == "none" {
            return Ok(Self::default());
        }
        let network = |text: &str| {
            let text = text.trim();
            let one = |address: IpAddr| IpNet::from(address.to_canonical());
            text.parse().or_else(|_| text.parse().map(one)).ok()
        };
        let all: Option<_> = text.split(',').map(network).collect();
        all.map(Self).ok_or_else(|| {
            ValueError("`none`, or addresses and networks such as `10.0.0.0/8, ::1`".into())
        })
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let texts: Vec<_> = self.0.iter().map(IpNet::to_string).collect();
        f.write_str(&texts.join(", "))
    }
}

/// Who may make somebody a member of a group without having been asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupAdd {
    /// Every admin of the group whom that user has not blocked; written `anybody`.
    Anybody,
    /// Only friends of that user; written `friends`.
    Friends,
}

impl FromStr for GroupAdd {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "anybody" => Ok(Self::Anybody),
            "friends" => Ok(Self::Friends),
            _ => Err(ValueError("`anybody` or `friends`".into())),
        }
    }
}

impl fmt::Display for GroupAdd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anybody => "anybody",
            Self::Friends => "friends",
        })
    }
}

/// What is done about a new name with something in it that nobody sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvisibleNames {
    /// The name is refused; written `refuse`.
    Refuse,
    /// What nobody sees is taken out; written `clean`.
    Clean,
    /// Nothing; written `allow`.
    Allow,
}

impl FromStr for InvisibleNames {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "refuse" => Ok(Self::Refuse),
            "clean" => Ok(Self::Clean),
            "allow" => Ok(Self::Allow),
            _ => Err(ValueError("`refuse`, `clean` or `allow`".into())),
        }
    }
}

impl fmt::Display for InvisibleNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refuse => "refuse",
            Self::Clean => "clean",
            Self::Allow => "allow",
        })
    }
}

/// Parses a time such as `15s` or `1h 30m` that lies between `min` and `max`, both included.
pub(super) fn duration(
    min: Duration,
    max: Duration,
) -> impl Fn(&str) -> Result<Duration, ValueError> + Clone + Send + Sync + 'static {
    move |text| {
        humantime::parse_duration(text)
            .ok()
            .filter(|time| (min..=max).contains(time))
            .ok_or_else(|| {
                let (min, max) = (round(min), round(max));
                ValueError(format!(
                    "a time with its unit, such as 250ms, 15s or 7days, from {min} to {max}"
                ))
            })
    }
}

/// Parses a whole number that lies between `min` and `max`, both included.
pub(super) fn range(
    min: usize,
    max: usize,
) -> impl Fn(&str) -> Result<usize, ValueError> + Clone + Send + Sync + 'static {
    move |text| {
        text.parse()
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| ValueError(format!("a whole number from {min} to {max}")))
    }
}

/// Parses a number of threads, where 0 stands for the number of cores.
pub(super) fn workers() -> impl Fn(&str) -> Result<usize, ValueError> + Clone + Send + Sync + 'static
{
    range(0, 256)
}

/// Writes a bound in one unit. humantime would make 366 days "1year 18h", from years of 365.25 days.
fn round(time: Duration) -> String {
    let seconds = time.as_secs();
    if time.subsec_millis() != 0 {
        format!("{}ms", time.as_millis())
    } else if seconds == 86_400 {
        "1day".into()
    } else if seconds != 0 && seconds.is_multiple_of(86_400) {
        format!("{}days", seconds / 86_400)
    } else if seconds != 0 && seconds.is_multiple_of(3600) {
        format!("{}h", seconds / 3600)
    } else {
        format!("{seconds}s")
    }
}

/// A text that must not show in logs: its `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn words_and_addresses_read_back_as_they_are_written() {
        for text in ["off", "127.0.0.1:0", "[::1]:9350"] {
            assert_eq!(text.parse::<MetricsListen>().unwrap().to_string(), text);
        }
        for text in ["text", "json"] {
            assert_eq!(text.parse::<LogFormat>().unwrap().to_string(), text);
        }
        for text in ["power", "process"] {
            assert_eq!(text.parse::<Durability>().unwrap().to_string(), text);
        }
        for text in ["100/s burst 1000", "6/min burst 10", "1/h burst 1"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for text in ["none", "10.0.0.0/8", "127.0.0.1/32, ::1/128"] {
            assert_eq!(text.parse::<Networks>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_refused_word_is_told_what_would_do() {
        for text in ["", "OFF", "9350", "localhost:9350"] {
            let error = text.parse::<MetricsListen>().unwrap_err();
            assert!(error.to_string().starts_with("must be `off`"), "{error}");
        }
        let error = "xml".parse::<LogFormat>().unwrap_err();
        assert_eq!(error.to_string(), "must be `text` or `json`");
        let error = "Power".parse::<Durability>().unwrap_err();
        assert_eq!(error.to_string(), "must be `power` or `process`");
        for text in [
            "",
            "100",
            "100/s",
            "0/s burst 1",
            "1/s burst 0",
            "1/day burst 1",
        ] {
            let error = text.parse::<Rate>().unwrap_err().to_string();
            assert!(error.starts_with("must be a rate such as"), "{error}");
        }
        for text in ["", "10.0.0.0/33", "localhost", "10.0.0.1,"] {
            let error = text.parse::<Networks>().unwrap_err().to_string();
            assert!(error.starts_with("must be `none`, or"), "{error}");
        }
    }

    #[test]
    fn a_network_has_its_addresses_in_it_however_they_are_written() {
        let networks: Networks = "10.0.0.0/8, 192.0.2.7".parse().unwrap();
        let contains = |text: &str| networks.contain(text.parse().unwrap());
        assert!(contains("10.1.2.3") && contains("::ffff:10.1.2.3") && contains("192.0.2.7"));
        assert!(!contains("11.0.0.1") && !contains("192.0.2.8") && !contains("::1"));
    }

    #[test]
    fn a_number_stays_inside_its_bounds() {
        let parse = range(16, 64);
        assert_eq!(parse("16"), Ok(16));
        assert_eq!(parse("64"), Ok(64));
        for text in [
            "",
            "15",
            "65",
            "-1",
            "1.5",
            "17 ",
            "99999999999999999999999",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert_eq!(error, "must be a whole number from 16 to 64", "{text:?}");
        }
        assert_eq!(workers()("0"), Ok(0));
        assert!(workers()("257").is_err());
    }

    #[test]
    fn a_time_stays_inside_its_bounds() {
        let parse = duration(Duration::from_millis(20), Duration::from_secs(3600));
        assert_eq!(parse("20ms"), Ok(Duration::from_millis(20)));
        assert_eq!(parse("60m"), Ok(Duration::from_secs(3600)));
        for text in [
            "",
            "19ms",
            "1h 1ms",
            "15",
            "-1s",
            "soon",
            "99999999999999999999y",
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.ends_with("from 20ms to 1h"), "{text:?}: {error}");
        }
    }

    #[test]
    fn bounds_are_written_in_one_unit() {
        let written = [0, 9, 60, 3600, 7200, 86_400, 366 * 86_400]
            .map(|seconds| round(Duration::from_secs(seconds)));
        assert_eq!(written, ["0s", "9s", "60s", "1h", "2h", "1day", "366days"]);
        assert_eq!(round(Duration::from_millis(1500)), "1500ms");
    }
}
