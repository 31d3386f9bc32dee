//! One plot over the time of a run, as SVG.

use std::{error::Error, ops::Range};

use plotters::{
    chart::{ChartBuilder, ChartContext},
    coord::{
        Shift,
        ranged1d::{Ranged, ValueFormatter},
        types::RangedCoordf64,
    },
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

const WIDTH: u32 = 1100;
const HEIGHT: u32 = 270;
/// About the width of a letter of the names of phases, in pixels.
const LETTER: f64 = 6.0;

const TEXT: RGBColor = RGBColor(82, 88, 102);
const FAINT: RGBColor = RGBColor(140, 146, 160);
const GRID: RGBColor = RGBColor(228, 231, 237);
const BAND: RGBColor = RGBColor(246, 247, 250);

/// A plot. Its title and the names of its lines are the page's.
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// What the vertical axis measures, with its unit.
    pub(super) axis: &'static str,
    pub(super) scale: Scale,
    pub(super) lines: Vec<Line>,
}

/// How the vertical axis is divided, and how its values are written.
pub(super) enum Scale {
    /// From zero.
    Linear(fn(f64) -> String),
    /// From one power of ten to another.
    Logarithmic(fn(f64) -> String),
}

/// A line.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) color: RGBColor,
    /// Moments in seconds, and what there was; the line is broken where there was nothing.
    pub(super) points: Vec<(f64, Option<f64>)>,
}

/// A phase, shown behind the lines.
pub(super) struct Band {
    pub(super) name: &'static str,
    /// In seconds.
    pub(super) time: Range<f64>,
}

/// A plot that cannot be drawn.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw the plot of {title}: {why}")]
pub(crate) struct ChartError {
    title: &'static str,
    why: String,
}

impl Chart {
    /// Draws it, from the beginning of the run to this moment.
    pub(super) fn svg(&self, bands: &[Band], until: f64) -> Result<String, ChartError> {
        let mut svg = String::new();
        self.draw(&mut svg, bands, until.max(1.0))
            .map_err(|error| ChartError {
                title: self.title,
                why: error.to_string(),
            })?;
        Ok(svg)
    }

    fn draw(&self, svg: &mut String, bands: &[Band], until: f64) -> Result<(), Box<dyn Error>> {
        let root = SVGBackend::with_string(svg, (WIDTH, HEIGHT)).into_drawing_area();
        let mut builder = ChartBuilder::on(&root);
        builder
            .margin_top(24)
            .margin_right(16)
            .x_label_area_size(36)
            .y_label_area_size(78);
        let values = || self.lines.iter().flat_map(|line| &line.points);
        let highest = values().filter_map(|point| point.1).fold(0.0, f64::max);
        match self.scale {
            Scale::Linear(text) => {
                let top = if highest > 0.0 { highest * 1.08 } else { 1.0 };
                let chart = builder.build_cartesian_2d(0.0..until, 0.0..top)?;
                self.fill(&root, chart, bands, (0.0, top), text)?;
            }
            Scale::Logarithmic(text) => {
                let positive = values()
                    .filter_map(|point| point.1)
                    .filter(|value| *value > 0.0);
                let (low, high) = powers(positive.fold(f64::INFINITY, f64::min), highest);
                let chart = builder.build_cartesian_2d(0.0..until, (low..high).log_scale())?;
                self.fill(&root, chart, bands, (low, high), text)?;
            }
        }
        root.present()?;
        Ok(())
    }

    fn fill<'a, Y>(
        &self,
        root: &DrawingArea<SVGBackend<'a>, Shift>,
        mut chart: ChartContext<'_, SVGBackend<'a>, Cartesian2d<RangedCoordf64, Y>>,
        bands: &[Band],
        (bottom, top): (f64, f64),
        text: fn(f64) -> String,
    ) -> Result<(), Box<dyn Error>>
    where
        Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        for band in bands.iter().step_by(2) {
            let corners = [(band.time.start, bottom), (band.time.end, top)];
            chart.draw_series([Rectangle::new(corners, BAND.filled())])?;
        }
        let label = ("sans-serif", 12).into_font().color(&TEXT);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(FAINT)
            .label_style(label.clone())
            .axis_desc_style(label)
            .x_desc("seconds since the start")
            .y_desc(self.axis)
            .x_labels(12)
            .y_labels(5)
            .x_label_formatter(&|second| format!("{second:.0}"))
            .y_label_formatter(&|value| text(*value))
            .draw()?;
        let faint = ("sans-serif", 11).into_font().color(&FAINT);
        let faint = faint.pos(Pos::new(HPos::Left, VPos::Bottom));
        for band in bands {
            let (x, y) = chart.backend_coord(&(band.time.start, top));
            let (end, _) = chart.backend_coord(&(band.time.end, top));
            let width = band.name.chars().count() as f64 * LETTER;
            if width < f64::from(end - x) {
                root.draw(&Text::new(band.name, (x + 2, y - 4), faint.clone()))?;
            }
        }
        for line in &self.lines {
            for part in line.parts(bottom) {
                let style = line.color.stroke_width(2);
                match part.as_slice() {
                    [alone] => chart.draw_series([Circle::new(*alone, 2, line.color.filled())])?,
                    _ => chart.draw_series(LineSeries::new(part, style))?,
                };
            }
        }
        Ok(())
    }
}

impl Line {
    /// Its unbroken parts, nothing of them below this value.
    fn parts(&self, bottom: f64) -> Vec<Vec<(f64, f64)>> {
        let mut parts = vec![Vec::new()];
        for (moment, value) in &self.points {
            match (value, parts.last_mut()) {
                (Some(value), Some(part)) => part.push((*moment, value.max(bottom))),
                _ => parts.push(Vec::new()),
            }
        }
        parts.retain(|part| !part.is_empty());
        parts
    }
}

/// Powers of ten that enclose these values.
fn powers(lowest: f64, highest: f64) -> (f64, f64) {
    if !lowest.is_finite() || highest <= 0.0 {
        return (1.0, 10.0);
    }
    let (low, high) = (lowest.log10().floor(), highest.log10().ceil());
    (10_f64.powf(low), 10_f64.powf(high.max(low + 1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(scale: Scale, points: Vec<(f64, Option<f64>)>) -> Chart {
        let line = Line {
            name: "p50",
            color: RED,
            points,
        };
        Chart {
            title: "latency",
            axis: "ms",
            scale,
            lines: vec![line],
        }
    }

    fn text(value: f64) -> String {
        format!("{value} units")
    }

    #[test]
    fn a_plot_is_svg_with_its_axes() {
        let bands = [Band {
            name: "a <phase>",
            time: 0.0..3.0,
        }];
        for scale in [Scale::Linear(text), Scale::Logarithmic(text)] {
            let points = vec![(1.0, Some(2.0)), (2.0, Some(20.0)), (3.0, None)];
            let svg = chart(scale, points).svg(&bands, 3.0).unwrap();
            assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"));
            for part in ["10 units", "seconds since", "a &lt;phase&gt;", "<polyline"] {
                assert!(svg.contains(part), "{part} is missing in {svg}");
            }
        }
    }

    #[test]
    fn nothing_can_be_plotted_too() {
        for scale in [Scale::Linear(text), Scale::Logarithmic(text)] {
            assert!(chart(scale, vec![(0.0, None)]).svg(&[], 0.0).is_ok());
        }
    }

    #[test]
    fn lines_are_broken_where_there_is_nothing() {
        let points = vec![
            (1.0, Some(0.0)),
            (2.0, None),
            (3.0, Some(5.0)),
            (4.0, Some(6.0)),
        ];
        let chart = chart(Scale::Linear(text), points);
        let parts = chart.lines[0].parts(1.0);
        assert_eq!(parts, [vec![(1.0, 1.0)], vec![(3.0, 5.0), (4.0, 6.0)]]);
    }

    #[test]
    fn a_logarithmic_axis_has_whole_powers() {
        assert_eq!(powers(0.3, 250.0), (0.1, 1000.0));
        assert_eq!(powers(1.0, 1.0), (1.0, 10.0));
        assert_eq!(powers(f64::INFINITY, 0.0), (1.0, 10.0));
    }
}
