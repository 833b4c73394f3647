// SPDX-License-Identifier: GPL-2.0

//! The arithmetic, compared with what the kernel does not have.

use crate::random::Random;
use slenc_pure::rate_control::{
    log2::Log2,
    math::{div_rem, mul_div, mul_div_rem, Drain},
    scale::Scale,
};

fn edgy(random: &mut Random) -> u64 {
    let any = random.next() >> random.below(64);
    match random.below(4) {
        0 => any,
        1 => any.wrapping_neg(),
        2 => (1u64 << random.below(64))
            .wrapping_add(random.below(3))
            .wrapping_sub(1),
        _ => random.next(),
    }
}

#[test]
fn products_are_divided_as_with_128_bits() {
    let mut random = Random::new(1);
    for _ in 0..1_000_000 {
        let [a, b, c, d] = std::array::from_fn(|_| edgy(&mut random));
        let wide = u128::from(a) * u128::from(b) + u128::from(c);
        let expected = match (wide.checked_div(d.into()), wide.checked_rem(d.into())) {
            (Some(q), Some(r)) => match u64::try_from(q) {
                Ok(q) => (q, r as u64),
                Err(_) => (u64::MAX, 0),
            },
            _ => (u64::MAX, 0),
        };
        assert_eq!(mul_div_rem(a, b, c, d), expected);
        if d != 0 {
            assert_eq!(div_rem(a, d), (a / d, a % d));
        }
    }
}

#[test]
fn small_numbers_exhaustively() {
    for a in 0..40u64 {
        for b in 0..40 {
            for d in 1..40 {
                assert_eq!(mul_div(a, b, d), a * b / d);
            }
        }
    }
}

#[test]
fn logarithms_of_all_numbers_of_20_bits_and_many_larger() {
    let check = |n: u64| {
        let exact = (n as f64).log2() * 65536.0;
        assert!((f64::from(Log2::of(n).raw()) - exact).abs() < 4.0, "{n}");
    };
    (1..1 << 20).for_each(check);
    let mut random = Random::new(2);
    (0..1_000_000).for_each(|_| check(edgy(&mut random).max(1)));
}

#[test]
fn powers_of_all_fractions() {
    for whole in 0..63 {
        for fraction in (0..65536).step_by(if whole == 40 { 1 } else { 97 }) {
            let log = Log2::from_raw((whole << 16) + fraction);
            let exact = (f64::from(log.raw()) / 65536.0).exp2();
            let error = (log.exp() as f64 - exact).abs();
            assert!(error <= 1.0 + exact / 32768.0, "{log:?}");
        }
    }
}

#[test]
fn products_and_quotients_of_logarithms() {
    let mut random = Random::new(3);
    for _ in 0..1_000_000 {
        let a = edgy(&mut random) as i32;
        let b = edgy(&mut random) as i32;
        let limit = i128::from(Log2::LIMIT.raw());
        let clamp = |x: i128| x.clamp(-limit, limit) as i32;
        let product = (i128::from(a) * i128::from(b) + (1 << 15)) >> 16;
        assert_eq!(
            Log2::from_raw(a).times(Log2::from_raw(b)).raw(),
            clamp(product)
        );
        let quotient = (i128::from(a) << 16).checked_div(b.into()).unwrap_or(0);
        let got = Log2::from_raw(a).over(Log2::from_raw(b)).raw();
        assert!((i64::from(got) - i64::from(clamp(quotient))).abs() <= 1);
    }
}

#[test]
fn steps_of_all_qps() {
    for qp in 0..=51 {
        let exact = (f64::from(qp) - 4.0) / 6.0;
        assert!((f64::from(Scale::Qp51.step(qp).raw()) / 65536.0 - exact).abs() < 1e-4);
    }
    for scale in [Scale::Qp51, Scale::Index127] {
        for raw in (-4 << 16..12 << 16).step_by(7) {
            let step = Log2::from_raw(raw);
            let nearest = scale.nearest(step);
            let best = (0..=scale.max())
                .map(|qp| scale.step(qp).minus(step).abs())
                .min()
                .unwrap();
            assert_eq!(scale.step(nearest).minus(step).abs(), best);
        }
    }
}

#[test]
fn rates_do_not_drift_over_a_day() {
    let mut random = Random::new(4);
    for _ in 0..200 {
        let rate = 1 + random.below(1 << 31);
        let (num, den) = (1 + random.below(1 << 20), 1 + random.below(1 << 20));
        let mut drain = Drain::new();
        let pictures = 10_000u64;
        let bits: u128 = (0..pictures)
            .map(|_| u128::from(drain.step(rate, num, den)))
            .sum();
        let exact = u128::from(rate) * u128::from(num) * u128::from(pictures) / u128::from(den);
        assert_eq!(bits, exact);
    }
}
