// SPDX-License-Identifier: GPL-2.0

//! A picture as `slenc bpf watch` shows it: a line of text, or of JSON.

use crate::telemetry::Picture;
use serde::Serialize;

/// Width of the bar that shows the CPB.
const BAR: u64 = 20;

fn word(number: u32, words: &[&'static str]) -> &'static str {
    words.get(number as usize).copied().unwrap_or("?")
}

/// How full the CPB is.
fn bar(picture: &Picture) -> String {
    if picture.cpb_bits == 0 {
        return String::new();
    }
    let full =
        (u128::from(picture.cpb_fill) * u128::from(BAR)).div_ceil(u128::from(picture.cpb_bits));
    let full = usize::try_from(full)
        .unwrap_or(usize::MAX)
        .min(BAR as usize);
    format!("{}{}", "#".repeat(full), ".".repeat(BAR as usize - full))
}

/// What is above the columns.
pub(crate) fn header() -> String {
    format!(
        "{:>5} {:>7} {:<4} {:>3} {:>8} {:>5} {:>8} {:>8} {:>7} {:>6} CPB",
        "STRM", "PICTURE", "TYPE", "LYR", "BUILT-IN", "QP", "TARGET", "BYTES", "MS", "",
    )
}

/// A picture in columns, and a line before it when others were lost.
pub(crate) fn text(picture: &Picture, lost: u64) -> String {
    let qp = match picture.mean_qp() {
        Some(mean) => format!("{mean:.1}"),
        None => picture.qp.to_string(),
    };
    let before = match lost {
        0 => String::new(),
        _ => format!("{lost} lost\n"),
    };
    format!(
        "{before}{:>5} {:>7} {:<4} {:>3} {:>8} {:>5} {:>8} {:>8} {:>7.1} {:>6} {}",
        picture.session,
        picture.number,
        match picture.action {
            0 => word(picture.frame_type, &["I", "P"]),
            _ => "skip",
        },
        picture.layer,
        picture.builtin_qp,
        qp,
        picture.target_bits / 8,
        picture.bytes,
        picture.delay_ns as f64 / 1e6,
        match picture.verdict {
            0 if picture.violation_bits != 0 => "late",
            verdict => word(verdict, &["", "skip", "drop"]),
        },
        bar(picture),
    )
}

/// A picture for other programs.
#[derive(Serialize)]
struct Line {
    session: u64,
    cgroup: u64,
    number: u64,
    time_ns: u64,
    r#type: &'static str,
    layer: u32,
    action: &'static str,
    verdict: &'static str,
    builtin_qp: i32,
    qp: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    mean_qp: Option<f64>,
    target_bits: u64,
    predicted_bits: u64,
    coded_bytes: u64,
    bytes: u64,
    bitrate: u64,
    debt: i64,
    cpb_fill: u64,
    cpb_bits: u64,
    delay_ns: u64,
    violation_bits: u64,
    /// Pictures before it that are missing here.
    lost: u64,
}

/// A picture as a line of JSON.
pub(crate) fn json(picture: &Picture, lost: u64) -> serde_json::Result<String> {
    serde_json::to_string(&Line {
        session: picture.session,
        cgroup: picture.cgroup,
        number: picture.number,
        time_ns: picture.time_ns,
        r#type: word(picture.frame_type, &["I", "P"]),
        layer: picture.layer,
        action: word(picture.action, &["encode", "skip"]),
        verdict: word(picture.verdict, &["keep", "replace", "drop"]),
        builtin_qp: picture.builtin_qp,
        qp: picture.qp,
        mean_qp: picture.mean_qp(),
        target_bits: picture.target_bits,
        predicted_bits: picture.predicted_bits,
        coded_bytes: picture.coded_bytes,
        bytes: picture.bytes,
        bitrate: picture.bitrate,
        debt: picture.debt,
        cpb_fill: picture.cpb_fill,
        cpb_bits: picture.cpb_bits,
        delay_ns: picture.delay_ns,
        violation_bits: picture.violation_bits,
        lost,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_never_too_long() {
        let full = |fill| {
            bar(&Picture {
                cpb_fill: fill,
                cpb_bits: 1000,
                ..Picture::default()
            })
        };
        assert_eq!(full(0), "....................");
        assert_eq!(full(1), "#...................");
        assert_eq!(full(500), "##########..........");
        assert_eq!(full(u64::MAX), "####################");
        assert_eq!(bar(&Picture::default()), "");
    }

    #[test]
    fn what_is_lost_is_shown() {
        let picture = Picture::default();
        assert_eq!(text(&picture, 0).lines().count(), 1);
        assert!(text(&picture, 7).starts_with("7 lost\n"));
        assert!(json(&picture, 7).unwrap().ends_with("\"lost\":7}"));
    }

    #[test]
    fn columns_are_below_their_names() {
        let picture = Picture {
            session: 1,
            number: 2,
            frame_type: 1,
            target_bits: 8000,
            bytes: 900,
            ..Picture::default()
        };
        let (header, text) = (header(), text(&picture, 0));
        let end = |line: &str, word: &str| line.find(word).map(|at| at + word.len());
        assert_eq!(end(&header, "TARGET"), end(&text, "1000"));
        assert_eq!(end(&header, "BYTES"), end(&text, "900"));
    }

    #[test]
    fn json_has_a_mean_where_there_is_one() {
        let counted = Picture {
            mean_qp_q8: Some(30 * 256 + 128),
            frame_type: 1,
            ..Picture::default()
        };
        let line: serde_json::Value = serde_json::from_str(&json(&counted, 0).unwrap()).unwrap();
        assert_eq!(line["mean_qp"], 30.5);
        assert_eq!(line["type"], "P");
        let line = json(&Picture::default(), 0).unwrap();
        assert!(!line.contains("mean_qp"), "{line}");
    }
}
