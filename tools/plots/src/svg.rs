// SPDX-License-Identifier: GPL-2.0

//! Line plots as inline SVG, and what they show.

use std::fmt::Write;

use crate::figure;

pub(crate) const WIDTH: f64 = 900.0;
pub(crate) const HEIGHT: f64 = 110.0;
/// Room for the figures of the axis.
pub(crate) const MARGIN: f64 = 56.0;
/// How high a line can be: there is room for the title above, and some below.
pub(crate) const HEIGHTS: u8 = 88;
/// Columns that points are put together in.
pub(crate) const COLUMNS: usize = 300;

/// A line of a plot.
pub struct Line {
    /// A class of the page's style.
    pub class: &'static str,
    /// Time in seconds and value.
    pub points: Vec<(f64, f64)>,
}

/// A plot: its title, its lines, and what it must show of the vertical axis.
pub struct Plot {
    /// What it shows.
    pub title: String,
    /// Drawn one over the other.
    pub lines: Vec<Line>,
    /// Values that are shown at least.
    pub range: (f64, f64),
    /// Times to mark, in seconds.
    pub marks: Vec<f64>,
}

/// What a plot shows of time and values.
pub(crate) struct Frame {
    pub(crate) low: f64,
    high: f64,
    pub(crate) end: f64,
}

impl Frame {
    /// All that is in the lines.
    pub(crate) fn of(plot: &Plot) -> Self {
        let values = plot.lines.iter().flat_map(|line| &line.points);
        let (mut low, mut high, mut end) = (plot.range.0, plot.range.1, 1e-9f64);
        for (time, value) in values {
            end = end.max(*time);
            if value.is_finite() {
                (low, high) = (low.min(*value), high.max(*value));
            }
        }
        if high - low < 1e-9 {
            high = low + 1.0;
        }
        Self { low, high, end }
    }

    /// Those that are written at the axis, from below.
    fn values(&self) -> [f64; 3] {
        [self.low, (self.low + self.high) / 2.0, self.high]
    }

    pub(crate) fn figures(&self) -> [String; 3] {
        self.values().map(figure)
    }

    pub(crate) fn column(&self, time: f64) -> usize {
        (time / self.end * COLUMNS as f64) as usize
    }

    fn x(&self, time: f64) -> f64 {
        MARGIN + time / self.end * (WIDTH - MARGIN)
    }

    /// Above the axis.
    pub(crate) fn height(&self, value: f64) -> f64 {
        let value = value.clamp(self.low, self.high);
        (value - self.low) / (self.high - self.low) * f64::from(HEIGHTS)
    }

    fn y(&self, value: f64) -> f64 {
        HEIGHT - 4.0 - self.height(value)
    }
}

/// The lowest and the highest point of each column, so that no peak is lost.
fn thinned(points: &[(f64, f64)], frame: &Frame) -> Vec<(f64, f64)> {
    if points.len() <= 2 * COLUMNS {
        return points.to_vec();
    }
    let column = |time: f64| frame.column(time);
    points
        .chunk_by(|a, b| column(a.0) == column(b.0))
        .flat_map(|chunk| {
            let order = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
            let low = *chunk.iter().min_by(order).unwrap_or(&chunk[0]);
            let high = *chunk.iter().max_by(order).unwrap_or(&chunk[0]);
            if low.0 <= high.0 {
                [low, high]
            } else {
                [high, low]
            }
        })
        .collect()
}

/// The points without those inside of a level stretch.
fn corners(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> + '_ {
    let level = |n: usize| {
        n > 0
            && n + 1 < points.len()
            && points[n - 1].1 == points[n].1
            && points[n].1 == points[n + 1].1
    };
    (0..points.len())
        .filter(move |&n| !level(n))
        .map(|n| points[n])
}

/// The plot as an element.
pub fn draw(plot: &Plot) -> String {
    let frame = Frame::of(plot);
    let mut text = format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">");
    let _ = write!(text, "<text x=\"{MARGIN}\" y=\"11\">{}</text>", plot.title);
    for value in frame.values() {
        let _ = write!(
            text,
            "<path class=\"grid\" d=\"M{MARGIN} {0:.1}H{WIDTH}\"/>\
             <text class=\"axis\" x=\"{1}\" y=\"{2:.1}\">{3}</text>",
            frame.y(value),
            MARGIN - 4.0,
            frame.y(value) + 4.0,
            figure(value)
        );
    }
    for mark in &plot.marks {
        let _ = write!(
            text,
            "<path class=\"mark\" d=\"M{:.1} 16V{HEIGHT}\"/>",
            frame.x(*mark)
        );
    }
    for line in &plot.lines {
        let points = thinned(&line.points, &frame);
        if points.is_empty() {
            continue;
        }
        let _ = write!(text, "<polyline class=\"{}\" points=\"", line.class);
        for (time, value) in corners(&points) {
            let _ = write!(text, "{:.0},{:.0} ", frame.x(time), frame.y(value));
        }
        text.push_str("\"/>");
    }
    text.push_str("</svg>");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_survive_thinning() {
        let mut points: Vec<(f64, f64)> = (0..9000).map(|n| (f64::from(n) / 100.0, 1.0)).collect();
        points[4321].1 = 50.0;
        points[4322].1 = -50.0;
        let frame = Frame {
            low: -50.0,
            high: 50.0,
            end: 90.0,
        };
        let thin = thinned(&points, &frame);
        assert!(thin.len() <= 2 * COLUMNS + 2);
        assert!(thin.contains(&points[4321]) && thin.contains(&points[4322]));
        assert!(thin.windows(2).all(|pair| pair[0].0 <= pair[1].0));
    }

    #[test]
    fn level_stretches_need_two_points() {
        let points = [1.0, 1.0, 1.0, 2.0, 1.0, 1.0].map(|value| (0.0, value));
        let values: Vec<f64> = corners(&points).map(|point| point.1).collect();
        assert_eq!(values, [1.0, 1.0, 2.0, 1.0, 1.0]);
        assert_eq!(corners(&[]).count(), 0);
    }

    #[test]
    fn a_plot_stays_in_its_frame() {
        let text = draw(&Plot {
            title: "bits".to_owned(),
            lines: vec![Line {
                class: "bits",
                points: vec![(0.0, 0.0), (1.0, 10.0), (2.0, f64::INFINITY)],
            }],
            range: (0.0, 5.0),
            marks: vec![1.0],
        });
        assert!(text.contains("points=\"56,106 478,18 900,18 \""), "{text}");
    }
}
