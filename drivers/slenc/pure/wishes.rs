// SPDX-License-Identifier: GPL-2.0

//! The parameter sets that an application asked for, apart from those that it is shown.
//!
//! A control has one value: the wish until a picture is coded, and the adapted one after it. What
//! was adapted fits the moment - the size of the pictures, the references that there is memory for,
//! the SPS in use - and what the application asked for has to be adapted anew in the next one.

use super::{
    adapt::{self, Abilities, Stream},
    params::{Invalid, Pps, Sps},
};

/// What the application set last, and what the control has shown since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wish<T> {
    asked: T,
    shown: T,
}

impl<T: Copy + PartialEq> Wish<T> {
    /// Makes of `value`, which the control has now, what was asked for. A value that has been shown
    /// is the driver's: setting a control to the value that it has is no change.
    fn take(&mut self, value: &mut T) {
        if *value == self.shown {
            *value = self.asked;
        } else {
            self.asked = *value;
            self.shown = *value;
        }
    }
}

/// The parameter sets that an application asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    sps: Wish<Sps>,
    pps: Wish<Pps>,
}

impl Wishes {
    /// The wishes of a new file.
    pub const NEW: Self = Self {
        sps: Wish {
            asked: Sps::INITIAL,
            shown: Sps::INITIAL,
        },
        pps: Wish {
            asked: Pps::DEFAULT,
            shown: Pps::DEFAULT,
        },
    };

    /// How many reference frames are asked for, when `sps` is the value of the control.
    pub fn reference_frames(&self, sps: &Sps) -> u8 {
        if *sps == self.sps.shown {
            self.sps.asked.max_num_ref_frames
        } else {
            sps.max_num_ref_frames
        }
    }

    /// Adapts what was asked for, from and to the values of the controls: `sps` becomes the one
    /// that the next sequence has, and `pps` the one with it. Returns the PPS that a picture is
    /// coded with: of `in_use` if it does not begin a sequence.
    ///
    /// The controls have to be set to the new values when this succeeds.
    pub fn adapt(
        &mut self,
        sps: &mut Sps,
        pps: &mut Pps,
        in_use: Option<&Sps>,
        stream: &Stream,
        able: &Abilities,
    ) -> Result<Pps, Invalid> {
        self.sps.take(sps);
        self.pps.take(pps);
        adapt::adapt_sps(sps, stream, able)?;
        let mut coded = *pps;
        adapt::adapt_pps(&mut coded, in_use.unwrap_or(sps))?;
        // The SPS of the next sequence may have another id, for which a PPS is yet to come.
        if adapt::adapt_pps(pps, sps).is_err() {
            *pps = coded;
        }
        self.sps.shown = *sps;
        self.pps.shown = *pps;
        Ok(coded)
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(slenc_wishes))]
mod tests {
    use super::*;

    const ABLE: Abilities = Abilities {
        references: 1,
        cabac: true,
        transform_8x8: false,
    };
    const LARGE: Stream = Stream {
        width: 1920,
        height: 1080,
        width_mbs: 120,
        height_mbs: 68,
        interval: Some((1, 25)),
        sample_aspect_ratio: None,
        colour: None,
        hrd: None,
    };
    const SMALL: Stream = Stream {
        width: 176,
        height: 144,
        width_mbs: 11,
        height_mbs: 9,
        interval: Some((1, 15)),
        ..LARGE
    };
    const MAIN: Sps = Sps {
        profile_idc: 77,
        ..Sps::DEFAULT
    };
    const CABAC: Pps = Pps {
        flags: Pps::ENTROPY_CODING_MODE,
        ..Pps::DEFAULT
    };

    /// A file: the values of its controls.
    struct File {
        wishes: Wishes,
        sps: Sps,
        pps: Pps,
    }

    impl File {
        fn new() -> Self {
            Self {
                wishes: Wishes::NEW,
                sps: Sps::INITIAL,
                pps: Pps::DEFAULT,
            }
        }

        /// Codes a picture, and returns the PPS that it has.
        fn code(
            &mut self,
            in_use: Option<&Sps>,
            stream: &Stream,
            able: &Abilities,
        ) -> Result<Pps, Invalid> {
            let (mut sps, mut pps) = (self.sps, self.pps);
            let coded = self
                .wishes
                .adapt(&mut sps, &mut pps, in_use, stream, able)?;
            (self.sps, self.pps) = (sps, pps);
            Ok(coded)
        }
    }

    #[test]
    fn a_level_goes_down_again() {
        let mut file = File::new();
        for (stream, level_idc) in [(&LARGE, 40), (&SMALL, 10), (&LARGE, 40), (&SMALL, 10)] {
            assert!(file.code(None, stream, &ABLE).is_ok());
            assert_eq!(file.sps.level_idc, level_idc);
        }
        // What the application sets counts, whatever was shown.
        file.sps.level_idc = 31;
        assert!(file.code(None, &SMALL, &ABLE).is_ok());
        assert_eq!(file.sps.level_idc, 31);
    }

    #[test]
    fn references_come_back_with_memory() {
        let mut file = File::new();
        file.sps.max_num_ref_frames = 4;
        assert_eq!(file.wishes.reference_frames(&file.sps), 4);
        assert!(file.code(None, &SMALL, &ABLE).is_ok());
        assert_eq!(file.sps.max_num_ref_frames, 1);
        assert_eq!(file.wishes.reference_frames(&file.sps), 4);
        let able = Abilities {
            references: 4,
            ..ABLE
        };
        assert!(file.code(None, &SMALL, &able).is_ok());
        assert_eq!(file.sps.max_num_ref_frames, 4);
        file.sps.max_num_ref_frames = 2;
        assert_eq!(file.wishes.reference_frames(&file.sps), 2);
    }

    #[test]
    fn tools_of_the_next_profile_outlast_pictures_of_this_one() {
        let mut file = File::new();
        assert!(file.code(None, &SMALL, &ABLE).is_ok());
        let in_use = file.sps;
        (file.sps, file.pps) = (MAIN, CABAC);
        for _ in 0..2 {
            let coded = file.code(Some(&in_use), &SMALL, &ABLE);
            assert!(coded.is_ok_and(|pps| pps.flags == 0));
            assert!(file.sps.profile_idc == 77 && file.pps.cabac());
        }
        assert!(file
            .code(None, &SMALL, &ABLE)
            .is_ok_and(|pps| pps.cabac() && pps == file.pps));
    }

    #[test]
    fn tools_come_back_with_a_profile() {
        let mut file = File::new();
        file.pps = CABAC;
        assert!(file.code(None, &SMALL, &ABLE).is_ok_and(|pps| !pps.cabac()));
        assert!(!file.pps.cabac());
        file.sps.profile_idc = 77;
        assert!(file.code(None, &SMALL, &ABLE).is_ok_and(|pps| pps.cabac()));
    }

    #[test]
    fn the_next_sps_may_have_another_id() {
        let mut file = File::new();
        assert!(file.code(None, &SMALL, &ABLE).is_ok());
        let in_use = file.sps;
        file.sps.seq_parameter_set_id = 1;
        assert!(file.code(Some(&in_use), &SMALL, &ABLE).is_ok());
        assert_eq!(file.pps.seq_parameter_set_id, 0);
        assert!(file.code(None, &SMALL, &ABLE).is_err());
        file.pps.seq_parameter_set_id = 1;
        assert!(file.code(Some(&in_use), &SMALL, &ABLE).is_err());
        assert!(file.code(None, &SMALL, &ABLE).is_ok());
    }

    #[test]
    fn what_was_refused_is_not_asked_for_any_more() {
        let mut file = File::new();
        assert!(file.code(None, &LARGE, &ABLE).is_ok());
        let good = file.sps;
        file.sps.seq_parameter_set_id = 32;
        assert!(file.code(None, &LARGE, &ABLE).is_err());
        assert!(file.code(None, &LARGE, &ABLE).is_err());
        file.sps = good;
        assert!(file.code(None, &LARGE, &ABLE).is_ok());
    }

    #[test]
    fn a_failure_makes_no_wish_of_what_is_shown() {
        let mut file = File::new();
        assert!(file.code(None, &LARGE, &ABLE).is_ok());
        file.pps.pic_init_qp_minus26 = 26;
        assert!(file.code(None, &LARGE, &ABLE).is_err());
        file.pps.pic_init_qp_minus26 = 0;
        assert!(file.code(None, &SMALL, &ABLE).is_ok());
        assert_eq!(file.sps.level_idc, 10);
    }
}
