// SPDX-License-Identifier: GPL-2.0

//! Plots of coded pictures, as inline SVG in pages that need nothing else.

mod packed;
mod svg;

pub use packed::{pack, script};
pub use svg::{draw, Line, Plot};

/// The style of pages with plots, and of what is in them.
pub const STYLE: &str = "
:root { color-scheme: light dark }
body { font: 14px/1.45 system-ui, sans-serif; max-width: 1150px; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .5em 0 1.5em }
th, td { padding: .15em .6em; text-align: right; border-bottom: 1px solid #8884 }
th:first-child, td:first-child { text-align: left }
.met { color: #1a7f37 } .missed { color: #cf222e; font-weight: 600 } .none { color: #888 }
summary { cursor: pointer; padding: .2em 0 } details { margin-left: 1em }
svg { width: 100%; display: block; margin: .3em 0 }
svg text { font-size: 11px; fill: currentColor } svg .axis { text-anchor: end; opacity: .7 }
polyline { fill: none; stroke-width: 1.2; vector-effect: non-scaling-stroke }
.grid { stroke: #8884 } .mark { stroke: #d4a72c99; stroke-dasharray: 3 3 }
.bits { stroke: #0969da } .target { stroke: #bf8700; stroke-width: .8 } .qp { stroke: #8250df }
.fill { stroke: #1a7f37 } .limit { stroke: #cf222e; stroke-dasharray: 5 4 }
.rate { stroke: #0969da } .psnr { stroke: #bc4c00 }
";

/// Text in an element.
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The start of a page.
pub fn head(title: &str) -> String {
    let title = escape(title);
    format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><h1>{title}</h1>"
    )
}

/// Three significant figures or so; "never" for what does not happen.
pub fn figure(value: f64) -> String {
    if value.is_infinite() {
        "never".to_owned()
    } else if value.abs() >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else if value.abs() >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures() {
        let all = [0.0, 3.0, 1.234, 12.34, 123.4, -0.5, f64::INFINITY].map(figure);
        assert_eq!(all, ["0", "3", "1.23", "12.3", "123", "-0.50", "never"]);
    }

    #[test]
    fn text_is_no_markup() {
        assert_eq!(escape("a <b> & c"), "a &lt;b&gt; &amp; c");
        assert!(head("a & b").contains("<h1>a &amp; b</h1>"));
    }
}
