// SPDX-License-Identifier: GPL-2.0

//! A page about an encode: what each picture took, what the rate control made of it, and
//! how good it is. It needs nothing else to be shown.

use crate::{
    cli::Fraction,
    error::{
        Context,
        Result, //
    },
    stats::{
        Cpb,
        Stats, //
    },
};
use slenc_plots::{
    draw,
    escape,
    figure,
    head,
    Line,
    Plot, //
};
use std::{
    fmt::Write,
    fs,
    path::Path, //
};

/// What is known of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Picture {
    bits: f64,
    skipped: bool,
    qp: Option<f64>,
    target: Option<f64>,
    cpb: Option<Cpb>,
}

/// Collects pictures, and draws them.
#[derive(Debug)]
pub struct Report {
    title: String,
    frame_rate: Fraction,
    pictures: Vec<Picture>,
    /// Pictures at which something was changed, and what.
    changes: Vec<(u64, String)>,
}

impl Report {
    /// About an encode with this name.
    pub fn new(title: impl Into<String>, frame_rate: Fraction) -> Self {
        Self {
            title: title.into(),
            frame_rate,
            pictures: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Something is changed at a picture.
    pub fn mark(&mut self, frame: u64, what: impl Into<String>) {
        self.changes.push((frame, what.into()));
    }

    /// Adds a picture of so many bytes.
    pub fn add(&mut self, bytes: usize, stats: Option<&Stats>) {
        self.pictures.push(Picture {
            bits: bytes as f64 * 8.0,
            skipped: stats.is_some_and(Stats::skipped),
            qp: stats.and_then(Stats::qp),
            target: stats.and_then(Stats::target_bits).map(|bits| bits as f64),
            cpb: stats.and_then(Stats::cpb),
        });
    }

    /// When a picture comes, in seconds.
    fn time(&self, n: usize) -> f64 {
        n as f64 / self.frame_rate.value()
    }

    /// The rate of the second that ends with each picture, from the first whole one on, in bit/s.
    fn windows(&self) -> Vec<(f64, f64)> {
        let length = (self.frame_rate.value().round() as usize).max(1);
        let seconds = length as f64 / self.frame_rate.value();
        self.pictures
            .windows(length)
            .enumerate()
            .map(|(n, window)| {
                let bits: f64 = window.iter().map(|picture| picture.bits).sum();
                (self.time(n + length - 1), bits / seconds)
            })
            .collect()
    }

    /// A line of what is known of the pictures.
    fn line(&self, class: &'static str, value: impl Fn(&Picture) -> Option<f64>) -> Line {
        let known = |(n, picture)| Some((self.time(n), value(picture)?));
        Line {
            class,
            points: self.pictures.iter().enumerate().filter_map(known).collect(),
        }
    }

    /// A plot, unless there is nothing to show in it.
    fn plot(&self, title: &str, range: (f64, f64), lines: Vec<Line>) -> String {
        if lines.iter().all(|line| line.points.is_empty()) {
            return String::new();
        }
        let marks = self.changes.iter().map(|&(n, _)| self.time(n as usize));
        draw(&Plot {
            title: title.to_owned(),
            lines,
            range,
            marks: marks.collect(),
        })
    }

    /// The figures of the whole encode, with their names.
    fn figures(&self, psnr: &[f64]) -> Vec<(&'static str, String)> {
        let pictures = &self.pictures;
        let count = pictures.len().max(1) as f64;
        let bits: f64 = pictures.iter().map(|picture| picture.bits).sum();
        let kilobits = |bits: f64| format!("{} kbit/s", figure(bits / 1000.0));
        let mut figures = vec![
            ("pictures", pictures.len().to_string()),
            ("rate", kilobits(bits * self.frame_rate.value() / count)),
        ];
        let windows = self.windows();
        if let (Some(low), Some(high)) = (
            windows.iter().map(|window| window.1).reduce(f64::min),
            windows.iter().map(|window| window.1).reduce(f64::max),
        ) {
            figures.push(("lowest rate of a second", kilobits(low)));
            figures.push(("highest rate of a second", kilobits(high)));
        }
        let mean = |values: Vec<f64>| {
            let count = values.len() as f64;
            (count > 0.0).then(|| values.iter().sum::<f64>() / count)
        };
        if let Some(qp) = mean(pictures.iter().filter_map(|picture| picture.qp).collect()) {
            figures.push(("mean QP", figure(qp)));
        }
        let lowest = psnr.iter().copied().reduce(f64::min);
        if let (Some(mean), Some(lowest)) = (mean(psnr.to_vec()), lowest) {
            figures.push(("mean PSNR of luma", format!("{mean:.2} dB")));
            figures.push(("lowest PSNR of luma", format!("{lowest:.2} dB")));
        }
        let cpbs: Vec<Cpb> = pictures.iter().filter_map(|picture| picture.cpb).collect();
        if !cpbs.is_empty() {
            let fullness = cpbs
                .iter()
                .filter(|cpb| cpb.bits > 0)
                .map(|cpb| cpb.fill as f64 / cpb.bits as f64 * 100.0)
                .fold(0.0, f64::max);
            let violations = cpbs.iter().filter(|cpb| cpb.violation > 0).count();
            figures.push(("fullest CPB", format!("{} %", figure(fullness))));
            figures.push(("violations of the CPB", violations.to_string()));
        }
        let skipped = pictures.iter().filter(|picture| picture.skipped).count();
        figures.push(("skipped pictures", skipped.to_string()));
        figures
    }

    /// The page. `psnr` is that of each picture in dB, or empty.
    pub fn page(&self, psnr: &[f64]) -> String {
        let mut page = head(&self.title);
        page.push_str("<table>");
        for (name, value) in self.figures(psnr) {
            let _ = write!(page, "<tr><td>{name}<td>{}", escape(&value));
        }
        page.push_str("</table>");
        for (frame, what) in &self.changes {
            let _ = write!(page, "<p>From picture {frame} on: {}</p>", escape(what));
        }
        // What is identical has no limit: it is drawn at the top.
        let highest = psnr.iter().copied().filter(|db| db.is_finite());
        let highest = highest.fold(0.0, f64::max);
        let lowest = psnr.iter().copied().fold(highest, f64::min);
        let psnr = Line {
            class: "psnr",
            points: psnr
                .iter()
                .enumerate()
                .map(|(n, &db)| (self.time(n), db.min(highest)))
                .collect(),
        };
        let windows = self.windows().into_iter();
        let windows = Line {
            class: "rate",
            points: windows.map(|(time, rate)| (time, rate / 1000.0)).collect(),
        };
        let kilobits = |bits: u64| Some(bits as f64 / 1000.0);
        for plot in [
            self.plot(
                "size of pictures and target, kbit",
                (0.0, 0.0),
                vec![
                    self.line("bits", |picture| Some(picture.bits / 1000.0)),
                    self.line("target", |picture| Some(picture.target? / 1000.0)),
                ],
            ),
            self.plot("QP", (0.0, 51.0), vec![self.line("qp", |p| p.qp)]),
            self.plot(
                "fullness and size of the CPB, kbit",
                (0.0, 0.0),
                vec![
                    self.line("fill", |picture| kilobits(picture.cpb?.fill)),
                    self.line("limit", |picture| kilobits(picture.cpb?.bits)),
                ],
            ),
            self.plot("rate of the last second, kbit/s", (0.0, 0.0), vec![windows]),
            self.plot("PSNR of luma, dB", (lowest, lowest + 5.0), vec![psnr]),
        ] {
            page.push_str(&plot);
        }
        page.push_str("</html>\n");
        page
    }

    /// Writes the page.
    pub fn write(&self, path: &Path, psnr: &[f64]) -> Result<()> {
        fs::write(path, self.page(psnr)).context(format!("writing {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(bytes: &[usize]) -> Report {
        let mut report = Report::new("clip <1>", Fraction::new(4, 1));
        for &bytes in bytes {
            report.add(bytes, None);
        }
        report
    }

    #[test]
    fn windows_are_seconds() {
        let windows = report(&[1, 1, 1, 1, 5, 1]).windows();
        assert_eq!(windows, [(0.75, 32.0), (1.0, 64.0), (1.25, 64.0)]);
        assert!(report(&[1; 3]).windows().is_empty());
        // 30000/1001 pictures a second: 30 of them last a little longer.
        let mut ntsc = Report::new("", Fraction::new(30_000, 1001));
        (0..30).for_each(|_| ntsc.add(1000, None));
        let rate = ntsc.windows()[0].1;
        assert!((rate - 240_000.0 / 1.001).abs() < 1e-6, "{rate}");
    }

    #[test]
    fn a_page_shows_what_is_known() {
        let mut report = report(&[100; 40]);
        let page = report.page(&[]);
        assert!(page.contains("clip &lt;1&gt;") && !page.contains("http"));
        // Sizes and the rate, and no more.
        assert_eq!(page.matches("<svg").count(), 2);
        assert!(page.contains("<td>rate<td>3.20 kbit/s"), "{page}");
        assert!(page.contains("<td>skipped pictures<td>0"));
        assert!(!page.contains("CPB"));

        for picture in &mut report.pictures {
            picture.qp = Some(30.5);
            picture.target = Some(900.0);
            picture.cpb = Some(Cpb {
                fill: 500,
                bits: 1000,
                violation: 0,
            });
        }
        report.pictures[7].cpb = Some(Cpb {
            fill: 1250,
            bits: 1000,
            violation: 250,
        });
        report.pictures[8].skipped = true;
        report.mark(20, "bitrate=1M & more");
        let page = report.page(&[f64::INFINITY, 40.0, 38.0]);
        assert_eq!(page.matches("<svg").count(), 5);
        assert_eq!(page.matches("class=\"mark\"").count(), 5);
        for text in [
            "mean QP<td>30.5",
            "fullest CPB<td>125 %",
            "violations of the CPB<td>1",
            "skipped pictures<td>1",
            "lowest PSNR of luma<td>38.00 dB",
            "From picture 20 on: bitrate=1M &amp; more",
        ] {
            assert!(page.contains(text), "{text}");
        }
        assert!(!page.contains("NaN"));
    }

    #[test]
    fn nothing_is_a_page_too() {
        let page = report(&[]).page(&[]);
        assert!(page.contains("<td>pictures<td>0") && !page.contains("NaN"));
    }
}
