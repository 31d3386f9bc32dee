//! How a metric is made: declared once, in the folder of what it counts, with its name, its labels and what it says to
//! operators.
//!
//! Invariant: every series there can be stands at zero from the start, so that the first failure is a change like any other
//! to an alert. What counts needs a declaration, as the macros of the crate `metrics` are refused by clippy; what is declared
//! with [`declare!`] is in the list of its folder; a list that is not announced is dead code; and the values of a label are
//! all variants of an enum.

use std::marker::PhantomData;

use metrics::{Key, Label, Level, Metadata, Recorder, Unit};
use strum::VariantArray;

/// Declares the metrics of a folder, and `METRICS`, the list of them.
macro_rules! declare {
    ($($(#[$about:meta])* $visible:vis static $name:ident: $kind:ty = $metric:expr;)+) => {
        $($(#[$about])* $visible static $name: $kind = $metric;)+

        /// Announced when a chat starts.
        pub(crate) const METRICS: &[&dyn $crate::metric::Metric] = &[$(&$name),+];
    };
}
pub(crate) use declare;

/// What is declared.
pub(crate) trait Metric: Sync {
    fn name(&self) -> &'static str;

    /// The names of its labels, as they stand in the table of docs/operating.md.
    #[cfg(test)]
    fn labels(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The bounds of a histogram's buckets.
    fn buckets(&self) -> Option<&'static [f64]> {
        None
    }

    /// Describes it, and has all its series exist. What has been counted stays.
    fn announce(&self, recorder: &dyn Recorder);
}

/// Announces metrics to the recorder of the process, if it has one.
pub(crate) fn announce<'a>(all: impl IntoIterator<Item = &'a &'static dyn Metric>) {
    metrics::with_recorder(|recorder| all.into_iter().for_each(|metric| metric.announce(recorder)));
}

const METADATA: Metadata<'static> = Metadata::new(module_path!(), Level::INFO, None);

/// Something that happens.
pub(crate) struct Counter {
    name: &'static str,
    key: Key,
    help: &'static str,
}

impl Counter {
    pub(crate) const fn new(name: &'static str, help: &'static str) -> Self {
        let key = Key::from_static_name(name);
        Self { name, key, help }
    }

    /// To be kept where much is counted.
    pub(crate) fn handle(&self) -> metrics::Counter {
        metrics::with_recorder(|recorder| recorder.register_counter(&self.key, &METADATA))
    }

    pub(crate) fn increment(&self, by: usize) {
        self.handle().increment(by as u64);
    }
}

impl Metric for Counter {
    fn name(&self) -> &'static str {
        self.name
    }

    fn announce(&self, recorder: &dyn Recorder) {
        recorder.describe_counter(self.key.name_shared(), None, self.help.into());
        let _ = recorder.register_counter(&self.key, &METADATA);
    }
}

/// Something that happens in several ways: a series for each variant of `Way`.
pub(crate) struct CounterBy<Way> {
    name: &'static str,
    /// A label that says the same for all of them.
    common: Option<(&'static str, &'static str)>,
    label: &'static str,
    help: &'static str,
    ways: PhantomData<fn(Way)>,
}

impl<Way: VariantArray + Into<&'static str> + Copy> CounterBy<Way> {
    pub(crate) const fn new(name: &'static str, label: &'static str, help: &'static str) -> Self {
        Self {
            name,
            common: None,
            label,
            help,
            ways: PhantomData,
        }
    }

    /// Tells it from others of its name by one more label.
    pub(crate) const fn and(mut self, label: &'static str, value: &'static str) -> Self {
        self.common = Some((label, value));
        self
    }

    /// To be kept where much is counted.
    pub(crate) fn of(&self, way: Way) -> metrics::Counter {
        let key = self.key(way);
        metrics::with_recorder(|recorder| recorder.register_counter(&key, &METADATA))
    }

    fn key(&self, way: Way) -> Key {
        let common = self.common.iter();
        let common = common.map(|&(label, value)| Label::from_static_parts(label, value));
        let way = Label::from_static_parts(self.label, way.into());
        Key::from_parts(self.name, common.chain([way]).collect::<Vec<_>>())
    }
}

impl<Way: VariantArray + Into<&'static str> + Copy> Metric for CounterBy<Way> {
    fn name(&self) -> &'static str {
        self.name
    }

    #[cfg(test)]
    fn labels(&self) -> Vec<&'static str> {
        let common = self.common.iter().map(|(label, _)| *label);
        common.chain([self.label]).collect()
    }

    fn announce(&self, recorder: &dyn Recorder) {
        recorder.describe_counter(self.name.into(), None, self.help.into());
        for way in Way::VARIANTS {
            let _ = recorder.register_counter(&self.key(*way), &METADATA);
        }
    }
}

/// How much there is of something.
pub(crate) struct Gauge {
    name: &'static str,
    key: Key,
    unit: Option<Unit>,
    help: &'static str,
}

impl Gauge {
    pub(crate) const fn new(name: &'static str, help: &'static str) -> Self {
        let key = Key::from_static_name(name);
        Self {
            name,
            key,
            unit: None,
            help,
        }
    }

    pub(crate) const fn unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }

    pub(crate) fn handle(&self) -> metrics::Gauge {
        metrics::with_recorder(|recorder| recorder.register_gauge(&self.key, &METADATA))
    }

    /// There is one more.
    pub(crate) fn add_one(&self) {
        self.handle().increment(1.0);
    }

    /// There is one less.
    pub(crate) fn take_one(&self) {
        self.handle().decrement(1.0);
    }
}

impl Metric for Gauge {
    fn name(&self) -> &'static str {
        self.name
    }

    fn announce(&self, recorder: &dyn Recorder) {
        recorder.describe_gauge(self.key.name_shared(), self.unit, self.help.into());
        let _ = recorder.register_gauge(&self.key, &METADATA);
    }
}

/// How much of something each time.
pub(crate) struct Histogram {
    name: &'static str,
    key: Key,
    unit: Option<Unit>,
    buckets: &'static [f64],
    help: &'static str,
}

impl Histogram {
    pub(crate) const fn new(
        name: &'static str,
        buckets: &'static [f64],
        help: &'static str,
    ) -> Self {
        let key = Key::from_static_name(name);
        Self {
            name,
            key,
            unit: None,
            buckets,
            help,
        }
    }

    pub(crate) const fn unit(mut self, unit: Unit) -> Self {
        self.unit = Some(unit);
        self
    }

    pub(crate) fn handle(&self) -> metrics::Histogram {
        metrics::with_recorder(|recorder| recorder.register_histogram(&self.key, &METADATA))
    }
}

impl Metric for Histogram {
    fn name(&self) -> &'static str {
        self.name
    }

    fn buckets(&self) -> Option<&'static [f64]> {
        Some(self.buckets)
    }

    fn announce(&self, recorder: &dyn Recorder) {
        recorder.describe_histogram(self.key.name_shared(), self.unit, self.help.into());
        let _ = recorder.register_histogram(&self.key, &METADATA);
    }
}

/// Something that happens in ways which are known only when a chat starts: whoever counts keeps a series for each.
pub(crate) struct CounterOf<const LABELS: usize> {
    name: &'static str,
    labels: [&'static str; LABELS],
    help: &'static str,
}

impl<const LABELS: usize> CounterOf<LABELS> {
    pub(crate) const fn new(
        name: &'static str,
        labels: [&'static str; LABELS],
        help: &'static str,
    ) -> Self {
        Self { name, labels, help }
    }

    /// The series with these values of the labels. It stands at zero from now on.
    pub(crate) fn of(&self, values: [&str; LABELS]) -> metrics::Counter {
        let key = key_of(self.name, self.labels, values);
        metrics::with_recorder(|recorder| recorder.register_counter(&key, &METADATA))
    }
}

impl<const LABELS: usize> Metric for CounterOf<LABELS> {
    fn name(&self) -> &'static str {
        self.name
    }

    #[cfg(test)]
    fn labels(&self) -> Vec<&'static str> {
        self.labels.to_vec()
    }

    fn announce(&self, recorder: &dyn Recorder) {
        recorder.describe_counter(self.name.into(), None, self.help.into());
    }
}

/// As [`CounterOf`], of how many seconds something takes.
pub(crate) struct SecondsOf<const LABELS: usize> {
    name: &'static str,
    labels: [&'static str; LABELS],
    buckets: &'static [f64],
    help: &'static str,
}

impl<const LABELS: usize> SecondsOf<LABELS> {
    pub(crate) const fn new(
        name: &'static str,
        labels: [&'static str; LABELS],
        buckets: &'static [f64],
        help: &'static str,
    ) -> Self {
        Self {
            name,
            labels,
            buckets,
            help,
        }
    }

    /// The series with these values of the labels. It is there from now on.
    pub(crate) fn of(&self, values: [&str; LABELS]) -> metrics::Histogram {
        let key = key_of(self.name, self.labels, values);
        metrics::with_recorder(|recorder| recorder.register_histogram(&key, &METADATA))
    }
}

impl<const LABELS: usize> Metric for SecondsOf<LABELS> {
    fn name(&self) -> &'static str {
        self.name
    }

    #[cfg(test)]
    fn labels(&self) -> Vec<&'static str> {
        self.labels.to_vec()
    }

    fn buckets(&self) -> Option<&'static [f64]> {
        Some(self.buckets)
    }

    fn announce(&self, recorder: &dyn Recorder) {
        recorder.describe_histogram(self.name.into(), Some(Unit::Seconds), self.help.into());
    }
}

fn key_of<const LABELS: usize>(
    name: &'static str,
    labels: [&'static str; LABELS],
    values: [&str; LABELS],
) -> Key {
    let labels = labels.into_iter().zip(values);
    let labels = labels.map(|(label, value)| Label::new(label, value.to_owned()));
    Key::from_parts(name, labels.collect::<Vec<_>>())
}

/// What does not change while the program runs: the label says it, and the value is 1.
pub(crate) struct Info {
    name: &'static str,
    label: &'static str,
    value: &'static str,
    help: &'static str,
}

impl Info {
    pub(crate) const fn new(
        name: &'static str,
        label: &'static str,
        value: &'static str,
        help: &'static str,
    ) -> Self {
        Self {
            name,
            label,
            value,
            help,
        }
    }
}

impl Metric for Info {
    fn name(&self) -> &'static str {
        self.name
    }

    #[cfg(test)]
    fn labels(&self) -> Vec<&'static str> {
        vec![self.label]
    }

    fn announce(&self, recorder: &dyn Recorder) {
        recorder.describe_gauge(self.name.into(), None, self.help.into());
        let key = key_of(self.name, [self.label], [self.value]);
        recorder.register_gauge(&key, &METADATA).set(1.0);
    }
}
