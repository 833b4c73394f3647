// SPDX-License-Identifier: GPL-2.0

//! The mode that controls nothing: each type of picture has its QP.

use super::{
    error::Error,
    frame::FrameType,
    scale::Scale, //
};

/// The QPs of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Qps {
    /// Of I pictures.
    pub i: i32,
    /// Of P pictures.
    pub p: i32,
    /// The lowest of any picture.
    pub min: i32,
    /// The highest of any picture. It wins over `min`.
    pub max: i32,
}

impl Qps {
    /// Whether all of them are on the scale.
    pub fn check(&self, scale: Scale) -> Result<(), Error> {
        if [self.i, self.p, self.min, self.max]
            .iter()
            .all(|&qp| scale.contains(qp))
        {
            Ok(())
        } else {
            Err(Error::Invalid)
        }
    }

    /// The QP of a picture, which may bring its own.
    pub fn of(&self, frame_type: FrameType, own: Option<i32>) -> i32 {
        let qp = own.unwrap_or(match frame_type {
            FrameType::I => self.i,
            FrameType::P => self.p,
        });
        qp.max(self.min).min(self.max)
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_fixed))]
mod tests {
    use super::*;

    const QPS: Qps = Qps {
        i: 24,
        p: 28,
        min: 10,
        max: 40,
    };

    #[test]
    fn each_type_has_its_qp() {
        assert_eq!(QPS.of(FrameType::I, None), 24);
        assert_eq!(QPS.of(FrameType::P, None), 28);
        assert_eq!(QPS.of(FrameType::I, Some(33)), 33);
    }

    #[test]
    fn bounds_hold_for_all_of_them() {
        assert_eq!(QPS.of(FrameType::P, Some(0)), 10);
        assert_eq!(QPS.of(FrameType::P, Some(51)), 40);
        let narrow = Qps {
            min: 25,
            max: 27,
            ..QPS
        };
        assert_eq!(narrow.of(FrameType::I, None), 25);
        assert_eq!(narrow.of(FrameType::P, None), 27);
        // The highest wins.
        let crossed = Qps {
            min: 40,
            max: 20,
            ..QPS
        };
        assert_eq!(crossed.of(FrameType::I, None), 20);
        assert_eq!(crossed.of(FrameType::P, Some(0)), 20);
    }

    #[test]
    fn scales_differ() {
        let fine = Qps { max: 127, ..QPS };
        assert!(fine.check(Scale::Index127).is_ok());
        assert_eq!(fine.check(Scale::Qp51), Err(Error::Invalid));
        for bad in [-1, 52, i32::MIN, i32::MAX] {
            assert!(Qps { i: bad, ..QPS }.check(Scale::Qp51).is_err());
            assert!(Qps { p: bad, ..QPS }.check(Scale::Qp51).is_err());
            assert!(Qps { min: bad, ..QPS }.check(Scale::Qp51).is_err());
            assert!(Qps { max: bad, ..QPS }.check(Scale::Qp51).is_err());
        }
    }
}
