//! The text that Prometheus reads, in both of its forms.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeMetric as _, NoLabelSet, prometheus_text, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::histogram::Observed;
use super::process::float;
use super::table::Gathered;

/// The form that the reader asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Prometheus's text, version 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Form {
    /// The form that fits a header `Accept`.
    pub(crate) fn accepted(accept: &str) -> Self {
        match accept.contains("application/openmetrics-text") {
            true => Form::OpenMetrics,
            false => Form::Prometheus,
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Form::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Form::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Writes what was gathered.
///
/// # Errors
/// A number cannot be written, which is a fault of this program.
pub(crate) fn write(gathered: Gathered, form: Form) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(gathered));
    let mut written = String::new();
    match form {
        Form::Prometheus => prometheus_text::encode(&mut written, &registry)?,
        Form::OpenMetrics => text::encode(&mut written, &registry)?,
    }
    Ok(written)
}

impl Collector for Gathered {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.describe(&mut Page(encoder))
    }
}

/// A unit of what a histogram counts, as the text names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Microseconds,
    One,
}

/// The page to which metrics are written. A counter's name is given without its `_total`.
pub(super) struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, u64, u64>(&value, None)
    }

    pub(super) fn seconds(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, f64, u64>(&value, None)
    }

    pub(super) fn counters(
        &mut self,
        (name, label): (&str, &str),
        help: &str,
        values: impl IntoIterator<Item = (&'static str, u64)>,
    ) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for (value, count) in values {
            let labels = [(label, value)];
            let mut one = metric.encode_family(&labels)?;
            one.encode_counter::<NoLabelSet, u64, u64>(&count, None)?;
        }
        Ok(())
    }

    pub(super) fn gauge(&mut self, name: &str, help: &str, value: f64) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&value)
    }

    pub(super) fn gauges(
        &mut self,
        (name, label): (&str, &str),
        help: &str,
        values: impl IntoIterator<Item = (&'static str, f64)>,
    ) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (value, number) in values {
            let labels = [(label, value)];
            metric.encode_family(&labels)?.encode_gauge(&number)?;
        }
        Ok(())
    }

    pub(super) fn info(&mut self, name: &str, help: &str, label: (&str, &str)) -> fmt::Result {
        let metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Info)?;
        prometheus_client::metrics::info::Info::new([label]).encode(metric)
    }

    pub(super) fn histogram(
        &mut self,
        name: &str,
        help: &str,
        unit: Unit,
        observed: &Observed,
    ) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Histogram)?;
        let (sum, buckets) = shown(unit, observed);
        metric.encode_histogram::<NoLabelSet>(sum, observed.count, &buckets, None)
    }

    pub(super) fn histograms(
        &mut self,
        (name, label): (&str, &str),
        help: &str,
        values: impl IntoIterator<Item = (&'static str, Observed)>,
    ) -> fmt::Result {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (value, observed) in values {
            let (sum, buckets) = shown(Unit::Microseconds, &observed);
            let labels = [(label, value)];
            let mut one = metric.encode_family(&labels)?;
            one.encode_histogram::<NoLabelSet>(sum, observed.count, &buckets, None)?;
        }
        Ok(())
    }
}

/// The sum and the buckets of a histogram in its base unit.
fn shown(unit: Unit, observed: &Observed) -> (f64, Vec<(f64, u64)>) {
    let base = |number: u64| match unit {
        Unit::Microseconds => float(number) / 1e6,
        Unit::One => float(number),
    };
    let bounds = observed.bounds.iter().map(|bound| base(*bound));
    let bounds = bounds.chain([f64::INFINITY]);
    let buckets = bounds.zip(observed.buckets.iter().copied()).collect();
    (base(observed.sum), buckets)
}
