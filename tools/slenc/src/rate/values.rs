// SPDX-License-Identifier: GPL-2.0

//! The values of the rate control's parameters: numbers with units, within what a control
//! can hold.

/// A number with a suffix that multiplies it.
fn scaled(s: &str, suffixes: &[(&str, f64)]) -> Option<f64> {
    let (number, factor) = suffixes
        .iter()
        .find_map(|&(suffix, factor)| Some((s.strip_suffix(suffix)?, factor)))?;
    // No sign, no exponent, and none of the words for what is no number.
    let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let value = number.parse::<f64>().ok().filter(|_| plain)? * factor;
    (value.fract() == 0.0).then_some(value)
}

/// What fits a control.
fn positive(value: f64) -> Option<i32> {
    (1.0..=f64::from(i32::MAX))
        .contains(&value)
        .then_some(value as i32)
}

pub(super) fn rate(s: &str) -> Result<i32, String> {
    scaled(s, &[("k", 1e3), ("M", 1e6), ("", 1.0)])
        .and_then(positive)
        .ok_or_else(|| format!("\"{s}\" is no rate such as 500k or 2M"))
}

pub(super) fn bits(s: &str) -> Result<i32, String> {
    scaled(s, &[("k", 1e3), ("M", 1e6), ("", 1.0)])
        .and_then(positive)
        .ok_or_else(|| format!("\"{s}\" is no number of bits such as 80k"))
}

/// In microseconds.
pub(super) fn time(s: &str) -> Result<i32, String> {
    scaled(s, &[("us", 1.0), ("ms", 1e3), ("s", 1e6)])
        .and_then(positive)
        .filter(|&us| us <= 1_000_000_000)
        .ok_or_else(|| format!("\"{s}\" is no time such as 500ms or 2s"))
}

fn number(s: &str, (low, high): (i32, i32), what: &str) -> Result<i32, String> {
    s.parse()
        .ok()
        .filter(|value| (low..=high).contains(value))
        .ok_or_else(|| format!("\"{s}\" is no {what} from {low} to {high}"))
}

pub(super) fn qp(s: &str) -> Result<i32, String> {
    number(s, (0, 51), "QP")
}

/// A name that a program can have.
pub(super) fn program(s: &str) -> Result<String, String> {
    if s.is_empty() || s.len() > 15 {
        return Err(format!("\"{s}\" has not 1 to 15 characters"));
    }
    Ok(s.to_owned())
}

pub(super) fn quality(s: &str) -> Result<i32, String> {
    number(s, (1, 100), "quality")
}

pub(super) fn skips(s: &str) -> Result<i32, String> {
    number(s, (0, 65_535), "number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_units() {
        assert_eq!(rate("2M"), Ok(2_000_000));
        assert_eq!(rate("1.5M"), Ok(1_500_000));
        assert_eq!(rate("500k"), Ok(500_000));
        assert_eq!(bits("80"), Ok(80));
        assert_eq!(time("500ms"), Ok(500_000));
        assert_eq!(time("2s"), Ok(2_000_000));
        for text in [
            "", "M", "-1M", "0", "2m", "1e3", "inf", "nan", "3G", "9999M", "0.5", "1.2.3",
        ] {
            assert!(rate(text).is_err(), "{text}");
        }
        for text in ["5", "0s", "5h", "2000s", "-1s", "infs"] {
            assert!(time(text).is_err(), "{text}");
        }
    }
}
