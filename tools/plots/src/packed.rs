// SPDX-License-Identifier: GPL-2.0

//! Many plots in a small page: the lines as text, which a script draws when one looks at them.
//!
//! A plot is a line of text with its title and the figures of its axis, and a line of text for each
//! of its lines: the class, and the columns from left to right. A column is two digits, the lowest
//! and the highest value in it as they follow each other; or `}`, if it has none. `~` and a digit
//! repeat the column before so many times. A digit is a height in the picture: what can be printed
//! from `!` on, but for the `<` that would end the text.

use std::fmt::Write;

use crate::svg::{Frame, Line, Plot, COLUMNS, HEIGHT, HEIGHTS, MARGIN, WIDTH};

/// The most that a digit can be.
const MOST: u8 = HEIGHTS;
const NONE: char = '}';
const AGAIN: char = '~';

/// What draws packed plots: to be in the page once.
pub fn script() -> String {
    format!(
        "<noscript><p>The plots are drawn by a script, which is in the page.</p></noscript>\
         <script>const WIDTH = {WIDTH}, HEIGHT = {HEIGHT}, MARGIN = {MARGIN}, COLUMNS = {COLUMNS};\n\
         {}</script>",
        include_str!("plots.js")
    )
}

/// Plots as an element in `<details>`, which are drawn when that is opened.
pub fn pack(plots: &[Plot]) -> String {
    let mut text = "<script type=\"text/plain\">".to_owned();
    for plot in plots {
        let frame = Frame::of(plot);
        // Writing to a string cannot fail.
        let _ = write!(text, "\n{}", plot.title);
        for figure in frame.figures() {
            let _ = write!(text, "\t{figure}");
        }
        text.push('\n');
        let marks = plot.marks.iter().map(|&time| (time, frame.low));
        let marks = Line {
            class: "mark",
            points: marks.filter(|mark| mark.0 <= frame.end).collect(),
        };
        for line in plot.lines.iter().chain([&marks]) {
            if !line.points.is_empty() {
                let _ = writeln!(text, "{}\t{}", line.class, columns(line, &frame));
            }
        }
    }
    text + "</script>"
}

fn digit(value: u8) -> char {
    // The `<` is left out.
    char::from(b'!' + value + u8::from(value >= b'<' - b'!'))
}

/// Lowest and highest height of each column in their order.
fn heights(line: &Line, frame: &Frame) -> Vec<Option<[u8; 2]>> {
    let mut columns: Vec<Option<[u8; 2]>> = vec![None; COLUMNS];
    for &(time, value) in &line.points {
        let height = frame.height(value).round() as u8;
        let Some(column) = columns.get_mut(frame.column(time).min(COLUMNS - 1)) else {
            continue;
        };
        *column = Some(match *column {
            None => [height; 2],
            Some([a, b]) if height < a.min(b) => [a.max(b), height],
            Some([a, b]) if height > a.max(b) => [a.min(b), height],
            Some(known) => known,
        });
    }
    columns
}

fn columns(line: &Line, frame: &Frame) -> String {
    let mut text = String::new();
    for same in heights(line, frame).chunk_by(|a, b| a == b) {
        match same[0] {
            None => text.push(NONE),
            Some(heights) => text.extend(heights.map(digit)),
        }
        let mut more = same.len() - 1;
        while more > 0 {
            let count = more.min(MOST.into());
            text.extend([AGAIN, digit(count as u8)]);
            more -= count;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: Vec<(f64, f64)>) -> Line {
        Line {
            class: "bits",
            points,
        }
    }

    fn plot(points: Vec<(f64, f64)>) -> Plot {
        Plot {
            title: "bits".to_owned(),
            lines: vec![line(points)],
            range: (0.0, 0.0),
            marks: vec![3.0, 99.0],
        }
    }

    /// What the script makes of a line.
    fn unpacked(text: &str) -> Vec<Option<[u8; 2]>> {
        let value = |c: char| c as u8 - b'!' - u8::from(c > '<');
        let mut columns = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            let mut next = || value(chars.next().expect("a digit follows"));
            match c {
                AGAIN => columns.extend(vec![
                    *columns.last().expect("one is repeated");
                    next().into()
                ]),
                NONE => columns.push(None),
                first => columns.push(Some([value(first), next()])),
            }
        }
        columns
    }

    #[test]
    fn every_digit_is_another() {
        let all: Vec<char> = (0..=MOST).map(digit).collect();
        for (n, &c) in all.iter().enumerate() {
            assert!(c.is_ascii_graphic() && !['<', NONE, AGAIN].contains(&c));
            assert_eq!(all.iter().position(|&other| other == c), Some(n));
        }
    }

    #[test]
    fn columns_come_back() {
        let mut points: Vec<(f64, f64)> = (0..9000).map(|n| (f64::from(n) / 100.0, 8.0)).collect();
        for point in &mut points[3000..4000] {
            point.1 = 44.0 * (1.0 + point.0.sin());
        }
        (points[4321].1, points[4322].1) = (88.0, 0.0);
        points.drain(6000..7000);
        let plot = plot(points);
        let frame = Frame::of(&plot);
        let all = heights(&plot.lines[0], &frame);
        let text = columns(&plot.lines[0], &frame);
        assert_eq!(unpacked(&text), all);
        // No peak is lost, in the order in which they were.
        assert_eq!(all.len(), COLUMNS);
        assert_eq!(all[4321 * COLUMNS / 8999], Some([MOST, 0]));
        assert_eq!((all[0], all[215]), (Some([8; 2]), None));
        assert!(text.len() < COLUMNS, "{}", text.len());
    }

    #[test]
    fn a_plot_is_its_title_and_its_lines() {
        let text = pack(&[plot(vec![(0.0, 0.0), (4.0, 10.0)]), plot(vec![(0.0, 1.0)])]);
        let body = text.trim_end_matches("</script>").split_once('>');
        let (_, body) = body.expect("it is an element");
        let plots: Vec<&str> = body.trim().split("\n\n").collect();
        assert_eq!(plots.len(), 2);
        let lines: Vec<&str> = plots[0].lines().collect();
        assert_eq!(lines[0], "bits\t0\t5\t10");
        assert!(lines[1].starts_with("bits\t!!}~"));
        // The mark behind the end is not there.
        let marks = unpacked(lines[2].trim_start_matches("mark\t"));
        let marked = marks.iter().flatten().count();
        assert_eq!((marked, marks[COLUMNS * 3 / 4]), (1, Some([0, 0])));
    }

    #[test]
    fn values_that_are_no_numbers_stay_in_the_frame() {
        let text = pack(&[plot(vec![
            (0.0, f64::INFINITY),
            (1.0, 1.0),
            (2.0, f64::NAN),
        ])]);
        assert!(!text.contains("NaN"));
        assert_eq!(text.matches('<').count(), 2);
    }
}
