// SPDX-License-Identifier: GPL-2.0

//! What another controller may make of a decision, and what the built-in one makes of that.
//!
//! The built-in controller decides first. Another may then propose something else for the same
//! picture, of which stays what the limits of the stream allow; from there on the built-in
//! controller counts with it as if it had decided so itself. When the other one is gone it goes
//! on from the QP that was used last.

use super::{
    config::{
        Capabilities,
        Config,
        Mode, //
    },
    controller::Controller,
    frame::{
        reason,
        Action,
        Decision,
        FrameIn,
        FrameType, //
    },
    pending::Pending,
    plan::Plan, //
};
use core::cmp::Ordering;

/// What another controller wants of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Whether to code it.
    pub action: Action,
    /// QP of the picture.
    pub qp: i32,
    /// The lowest QP in the picture.
    pub min_qp: i32,
    /// The highest QP in the picture.
    pub max_qp: i32,
    /// Size to aim at in bits; 0 for none.
    pub target_bits: u64,
    /// Size not to exceed in bits; 0 for any.
    pub max_bits: u64,
}

impl Proposal {
    /// What the built-in controller has decided.
    pub const fn of(decision: &Decision) -> Self {
        Self {
            action: decision.action,
            qp: decision.qp,
            min_qp: decision.min_qp,
            max_qp: decision.max_qp,
            target_bits: decision.target_bits,
            max_bits: decision.max_bits,
        }
    }
}

/// What of a proposal could not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clamped {
    /// Its QP.
    pub qp: bool,
    /// The range around it.
    pub range: bool,
    /// A size.
    pub bits: bool,
    /// Whether it is coded.
    pub action: bool,
}

/// What another controller lets a stream use of what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Bits a second on average.
    pub bitrate: u64,
    /// Size of the CPB in bits.
    pub cpb_bits: u64,
}

impl Budget {
    /// All that a configuration has; nothing where it has no rate.
    pub fn of(config: &Config) -> Option<Self> {
        let plan = Plan::of(config);
        (plan.rate != 0).then_some(Self {
            bitrate: plan.rate,
            cpb_bits: plan.cpb,
        })
    }

    /// As much of it as there is in `all`.
    pub fn within(&self, all: &Self) -> Self {
        Self {
            bitrate: self.bitrate.min(all.bitrate).max(1),
            cpb_bits: self.cpb_bits.min(all.cpb_bits).max(1),
        }
    }

    /// A configuration that has no more than this.
    pub fn apply(&self, config: &Config) -> Config {
        let mut config = *config;
        match config.mode {
            Mode::CappedQuality => config.peak = self.bitrate,
            _ => config.bitrate = self.bitrate,
        }
        config.cpb_bits = self.cpb_bits;
        // What the layers have each is a part of what there was.
        config.layer_rates = Default::default();
        config
    }
}

impl Controller {
    /// Decides anew about the picture that has begun last, by a proposal.
    ///
    /// `ours` is what [`Controller::begin`] has decided about `frame`.
    pub fn take_over(
        &mut self,
        frame: &FrameIn,
        ours: &Decision,
        theirs: &Proposal,
    ) -> (Decision, Clamped) {
        let mut clamped = Clamped::default();
        let Some(config) = self.config else {
            return (*ours, clamped);
        };
        let mut picture = *self.ring.get(ours.cookie);
        let mut taken = *ours;

        // The limits of the application come first.
        let limits = config.limits(frame.frame_type);
        let lowest = limits.min_qp.min(limits.max_qp);
        let safe = if config.intra_safe {
            let bucket =
                self.forecast(self.cycle.before(ours.cookie), picture.drained, picture.due);
            self.safe_step(&config, frame, &bucket)
        } else {
            None
        };
        let lowest = safe.map_or(lowest, |step| lowest.max(self.caps.scale.at_least(step)));
        let within = |qp: i32| qp.max(lowest).min(limits.max_qp);
        if !is_fixed(ours) {
            taken.qp = within(theirs.qp);
            taken.min_qp = within(theirs.min_qp);
            taken.max_qp = within(theirs.max_qp);
        }
        clamped.qp = taken.qp != theirs.qp;
        clamped.range = taken.min_qp != theirs.min_qp || taken.max_qp != theirs.max_qp;
        taken.min_qp = taken.min_qp.min(taken.qp);
        taken.max_qp = taken.max_qp.max(taken.qp);
        if taken.qp != ours.qp {
            taken.reasons &= !(reason::INITIAL_QP | reason::MIN_QP | reason::MAX_QP);
        }
        taken.reasons |= match taken.qp.cmp(&theirs.qp) {
            _ if is_fixed(ours) => 0,
            Ordering::Greater => reason::MIN_QP,
            Ordering::Less => reason::MAX_QP,
            Ordering::Equal => 0,
        };

        let predicted = self
            .predict(frame, taken.qp)
            .saturating_add(frame.header_bits)
            .min(Config::MAX_BITS);
        taken.action = self.taken_action(&config, frame, ours, theirs.action, predicted);
        clamped.action = taken.action != theirs.action;

        // The application and the CPB come before what another controller has room for.
        let floor = self.floor(frame);
        let (allowed, raised) = match (ours.action, taken.action) {
            (_, Action::Skip) => (0, false),
            (Action::Encode, _) => (ours.max_bits, ours.reasons & reason::FLOOR != 0),
            (Action::Skip, _) => {
                let worst =
                    self.worst(self.cycle.before(ours.cookie), picture.drained, picture.due);
                self.max_bits(&config, frame, worst.fill)
            }
        };
        taken.max_bits = match (allowed, theirs.max_bits) {
            _ if taken.action == Action::Skip => 0,
            (0, 0) => 0,
            (0, max) => max.max(floor).min(Config::MAX_BITS),
            (max, 0) => max,
            (allowed, theirs) => theirs.max(floor).min(allowed),
        };
        taken.target_bits = theirs.target_bits.min(Config::MAX_BITS);
        if taken.max_bits != 0 {
            taken.target_bits = taken.target_bits.min(taken.max_bits);
        }
        taken.reasons &= !(reason::CPB_FULL | reason::FLOOR);
        // Where the other one wants it skipped, room may have nothing to do with it.
        taken.reasons |= match (taken.action, theirs.action, ours.action) {
            (Action::Skip, Action::Skip, Action::Encode) => 0,
            (Action::Skip, _, _) => reason::CPB_FULL,
            (Action::Encode, _, _) if raised => reason::FLOOR,
            (Action::Encode, _, _) => 0,
        };
        clamped.bits = taken.action == Action::Encode
            && (taken.max_bits != theirs.max_bits || taken.target_bits != theirs.target_bits);

        taken.predicted_bits = match taken.action {
            Action::Skip => u64::from(self.caps.skip_bits)
                .saturating_add(frame.header_bits)
                .min(Config::MAX_BITS),
            Action::Encode if taken.max_bits != 0 && self.caps.hard_max => {
                predicted.min(taken.max_bits)
            }
            Action::Encode => predicted,
        };
        picture.bits = taken.predicted_bits;
        picture.max_bits = if self.caps.hard_max {
            taken.max_bits
        } else {
            0
        };
        picture.step = self.caps.scale.step(taken.qp);
        let skipped = taken.action == Action::Skip;
        self.repainted &= !skipped;
        // The rest is of the source and of what the driver wants.
        picture.flags &= !(Pending::KNOWN | Pending::SKIPPED | Pending::TEACHES | Pending::AT_MIN);
        picture.flags |= Pending::flag(Pending::KNOWN | Pending::SKIPPED, skipped)
            | Pending::flag(Pending::TEACHES, !skipped && frame.fixed_qp.is_none())
            | Pending::flag(Pending::AT_MIN, taken.qp <= limits.min_qp);
        self.ring.put(ours.cookie, picture);
        if taken.qp != ours.qp && !self.outlook(frame).is_key(frame) {
            if let Some(quantizer) = self.quantizers.get_mut(usize::from(frame.layer)) {
                quantizer.seed(picture.step);
            }
        }
        (taken, clamped)
    }

    /// Whether a picture is coded that another controller wants coded, or not.
    fn taken_action(
        &self,
        config: &Config,
        frame: &FrameIn,
        ours: &Decision,
        theirs: Action,
        predicted: u64,
    ) -> Action {
        match theirs {
            Action::Skip if ours.action == Action::Encode => {
                let droppable =
                    !frame.undroppable && frame.frame_type == FrameType::P && !is_fixed(ours);
                if droppable
                    && (config.max_skips == 0 || self.skips_before(ours.cookie) < config.max_skips)
                {
                    Action::Skip
                } else {
                    Action::Encode
                }
            }
            Action::Skip => Action::Skip,
            // The promise of the CPB is not the other one's to break.
            Action::Encode if config.strict => {
                let picture = self.ring.get(ours.cookie);
                let bucket =
                    self.forecast(self.cycle.before(ours.cookie), picture.drained, picture.due);
                self.action(config, frame, ours.cookie, &bucket, predicted)
            }
            Action::Encode => Action::Encode,
        }
    }

    /// The size in bits, without headers, that a picture is expected to have at a QP.
    pub fn predict(&self, frame: &FrameIn, qp: i32) -> u64 {
        let outlook = self.outlook(frame);
        self.model(outlook.like, frame.layer)
            .size(self.caps.scale.step(qp), outlook.activity)
            .exp()
            .min(Config::MAX_BITS)
    }

    /// What the hardware can do.
    pub fn capabilities(&self) -> &Capabilities {
        &self.caps
    }

    /// What a picture has on average.
    pub fn share(&self) -> u64 {
        self.plan.share
    }

    /// What is in the bucket, and the debt; nothing where there is no rate to measure against.
    pub fn fill_and_debt(&self) -> (u64, i64) {
        if self.plan.rate == 0 {
            return (0, 0);
        }
        (self.bucket.fill, self.bucket.debt)
    }

    /// Goes on with another budget, or without the other controller: what was too much or saved
    /// so far was so by another measure.
    pub fn rebase(&mut self) {
        self.bucket.debt = 0;
        self.bucket.owed = 0;
        self.layer_debts = Default::default();
    }
}

/// Whether the application has decided about the QP.
fn is_fixed(decision: &Decision) -> bool {
    decision.reasons & reason::FIXED_QP != 0
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_takeover))]
mod tests {
    use super::{
        super::{
            config::SkipMode,
            frame::{
                Analysis,
                Outcome, //
            },
            scale::Scale, //
        },
        *,
    };

    fn controller(change: impl FnOnce(&mut Capabilities, &mut Config)) -> Controller {
        let mut caps = Capabilities {
            scale: Scale::Qp51,
            macroblocks: 396,
            intra_floor_q8: 8 << 8,
            hard_max: true,
            post_skip: false,
            post_drop: false,
            filler: false,
            skip_bits: 100,
        };
        let mut config = Config::cbr(Scale::Qp51, 1_000_000, 1, 25);
        change(&mut caps, &mut config);
        let mut controller = Controller::new(caps).unwrap();
        controller.configure(&config).unwrap();
        controller
    }

    fn code(controller: &mut Controller, decision: &Decision, bits: u64) {
        let outcome = Outcome {
            bits,
            header_bits: 0,
            mean_qp_q8: None,
            forced_skips: 0,
        };
        assert!(controller.end(decision.cookie, &outcome).is_ok());
        assert!(controller.commit(decision.cookie, bits).is_ok());
    }

    const P: FrameIn = FrameIn::new(FrameType::P);
    const I: FrameIn = FrameIn::new(FrameType::I);
    const ANALYSIS: Option<Analysis> = Some(Analysis {
        inter: 200_000,
        intra: 2_000_000,
    });

    #[test]
    fn what_is_not_changed_stays() {
        let analysed = |frame| FrameIn {
            analysis: ANALYSIS,
            ..frame
        };
        for frame in [I, P, analysed(I), analysed(P)] {
            let mut controller = controller(|_, _| ());
            let ours = controller.begin(&frame).unwrap();
            let before = controller;
            let (taken, clamped) = controller.take_over(&frame, &ours, &Proposal::of(&ours));
            assert_eq!(taken, ours);
            assert_eq!(clamped, Clamped::default());
            assert_eq!(
                controller.ring.get(ours.cookie),
                before.ring.get(ours.cookie)
            );
            assert_eq!(controller.quantizers, before.quantizers);
        }
    }

    #[test]
    fn without_a_rate_there_is_nothing_in_a_buffer() {
        for (mode, some) in [
            (Mode::Cbr, true),
            (Mode::Quality, false),
            (Mode::Fixed, false),
        ] {
            let mut controller = controller(|_, config| config.mode = mode);
            let ours = controller.begin(&I).unwrap();
            code(&mut controller, &ours, 100_000);
            let is_empty = controller.fill_and_debt() == (0, 0);
            assert_eq!(is_empty, !some);
        }
    }

    #[test]
    fn a_qp_stays_within_the_limits() {
        for (wanted, taken_qp) in [(-100, 20), (10, 20), (30, 30), (45, 40), (i32::MAX, 40)] {
            let mut controller = controller(|_, config| {
                config.p.min_qp = 20;
                config.p.max_qp = 40;
            });
            let ours = controller.begin(&P).unwrap();
            let theirs = Proposal {
                qp: wanted,
                min_qp: wanted,
                max_qp: wanted,
                ..Proposal::of(&ours)
            };
            let (taken, clamped) = controller.take_over(&P, &ours, &theirs);
            assert_eq!(
                (taken.qp, taken.min_qp, taken.max_qp),
                (taken_qp, taken_qp, taken_qp)
            );
            assert_eq!(clamped.qp, wanted != taken_qp);
            assert_eq!(clamped.range, wanted != taken_qp);
        }
    }

    #[test]
    fn the_range_holds_the_qp() {
        let mut controller = controller(|_, _| ());
        let ours = controller.begin(&P).unwrap();
        let theirs = Proposal {
            qp: 30,
            min_qp: 35,
            max_qp: 25,
            ..Proposal::of(&ours)
        };
        let (taken, _) = controller.take_over(&P, &ours, &theirs);
        assert_eq!((taken.qp, taken.min_qp, taken.max_qp), (30, 30, 30));
    }

    #[test]
    fn a_fixed_qp_is_not_theirs() {
        let mut controller = controller(|_, _| ());
        let frame = FrameIn {
            fixed_qp: Some(33),
            ..P
        };
        let ours = controller.begin(&frame).unwrap();
        let theirs = Proposal {
            qp: 20,
            ..Proposal::of(&ours)
        };
        let (taken, clamped) = controller.take_over(&frame, &ours, &theirs);
        assert_eq!(taken.qp, 33);
        assert!(clamped.qp);
    }

    #[test]
    fn nothing_of_a_fixed_mode_is_theirs() {
        let mut controller = controller(|_, config| {
            config.mode = Mode::Fixed;
            config.p.fixed_qp = 33;
        });
        let ours = controller.begin(&P).unwrap();
        let theirs = Proposal {
            action: Action::Skip,
            qp: 20,
            min_qp: 20,
            max_qp: 20,
            ..Proposal::of(&ours)
        };
        let (taken, clamped) = controller.take_over(&P, &ours, &theirs);
        assert_eq!((taken.qp, taken.min_qp, taken.max_qp), (33, 0, 51));
        assert_eq!(taken.action, Action::Encode);
        assert!(clamped.qp && clamped.range && clamped.action);
    }

    #[test]
    fn a_picture_that_was_not_to_be_has_limits_too() {
        let full = |strict| {
            let mut controller = controller(|_, config| {
                config.skip = SkipMode::Buffer;
                config.cpb_bits = 100_000;
                config.p.max_bits = 50_000;
                config.strict = strict;
            });
            let ours = controller.begin(&I).unwrap();
            code(&mut controller, &ours, 139_000);
            controller
        };
        for wanted in [0, 1_000_000] {
            let mut controller = full(false);
            let ours = controller.begin(&P).unwrap();
            assert_eq!((ours.action, ours.max_bits), (Action::Skip, 0));
            let theirs = Proposal {
                action: Action::Encode,
                max_bits: wanted,
                ..Proposal::of(&ours)
            };
            let (taken, clamped) = controller.take_over(&P, &ours, &theirs);
            assert_eq!((taken.action, taken.max_bits), (Action::Encode, 50_000));
            assert!(clamped.bits);
            assert!(taken.predicted_bits > ours.predicted_bits);
        }
        // At the same QP there is no more room than there was.
        let mut controller = full(true);
        let ours = controller.begin(&P).unwrap();
        let theirs = Proposal {
            action: Action::Encode,
            ..Proposal::of(&ours)
        };
        let (taken, clamped) = controller.take_over(&P, &ours, &theirs);
        assert_eq!(taken.action, Action::Skip);
        assert!(clamped.action);
    }

    #[test]
    fn pictures_that_are_open_are_skipped_in_a_row_too() {
        let mut controller = controller(|_, config| config.max_skips = 3);
        let mut actions = [Action::Encode; 8];
        for action in &mut actions {
            let ours = controller.begin(&P).unwrap();
            let theirs = Proposal {
                action: Action::Skip,
                ..Proposal::of(&ours)
            };
            *action = controller.take_over(&P, &ours, &theirs).0.action;
        }
        let (skip, encode) = (Action::Skip, Action::Encode);
        let expected = [skip, skip, skip, encode, skip, skip, skip, encode];
        assert_eq!(actions, expected);
    }

    #[test]
    fn pictures_of_theirs_teach_as_others_do() {
        for analysis in [None, ANALYSIS] {
            let mut controller = controller(|_, _| ());
            let frame = FrameIn { analysis, ..P };
            for n in 0..20 {
                let ours = controller.begin(&frame).unwrap();
                let theirs = Proposal {
                    qp: 40,
                    ..Proposal::of(&ours)
                };
                let (taken, _) = controller.take_over(&frame, &ours, &theirs);
                if n == 19 {
                    assert!((9_000..11_000).contains(&taken.predicted_bits));
                }
                code(&mut controller, &taken, 10_000);
            }
        }
    }

    #[test]
    fn what_is_like_a_key_picture_leaves_the_qp_of_others() {
        let away = FrameIn { distance: 30, ..P };
        for frame in [I, away, P] {
            let mut controller = controller(|_, _| ());
            for _ in 0..4 {
                let ours = controller.begin(&P).unwrap();
                code(&mut controller, &ours, 40_000);
            }
            let ours = controller.begin(&frame).unwrap();
            let before = controller.quantizers;
            let theirs = Proposal {
                qp: ours.qp - 10,
                min_qp: 0,
                ..Proposal::of(&ours)
            };
            controller.take_over(&frame, &ours, &theirs);
            let (same, other) = (controller.quantizers == before, frame != P);
            assert_eq!(same, other);
        }
    }

    #[test]
    fn reasons_are_those_of_what_was_taken() {
        let taken = |action, qp| {
            let mut controller = controller(|_, config| {
                config.skip = SkipMode::Buffer;
                config.cpb_bits = 100_000;
                config.p.min_qp = 20;
                config.p.max_qp = 40;
            });
            let ours = controller.begin(&I).unwrap();
            code(&mut controller, &ours, 139_000);
            let ours = controller.begin(&P).unwrap();
            assert_eq!(ours.action, Action::Skip);
            assert_eq!(ours.reasons & reason::CPB_FULL, reason::CPB_FULL);
            let theirs = Proposal {
                action,
                qp,
                ..Proposal::of(&ours)
            };
            let reasons = controller.take_over(&P, &ours, &theirs).0.reasons;
            reasons & (reason::CPB_FULL | reason::MIN_QP | reason::MAX_QP)
        };
        assert_eq!(taken(Action::Encode, 30), 0);
        assert_eq!(taken(Action::Encode, 10), reason::MIN_QP);
        assert_eq!(taken(Action::Encode, 50), reason::MAX_QP);
        assert_eq!(taken(Action::Skip, 30), reason::CPB_FULL);

        let mut controller = controller(|_, _| ());
        let ours = controller.begin(&P).unwrap();
        let theirs = Proposal {
            action: Action::Skip,
            ..Proposal::of(&ours)
        };
        let reasons = controller.take_over(&P, &ours, &theirs).0.reasons;
        assert_eq!(reasons & reason::CPB_FULL, 0);
    }

    #[test]
    fn what_is_safe_for_intra_is_not_theirs_to_break() {
        let lowest = |intra_safe, mode| {
            let mut controller = controller(|_, config| {
                config.intra_safe = intra_safe;
                config.mode = mode;
                config.peak = config.bitrate;
                config.quality = 100;
                config.cpb_bits = 100_000;
            });
            let ours = controller.begin(&I).unwrap();
            code(&mut controller, &ours, 90_000);
            let ours = controller.begin(&P).unwrap();
            let theirs = Proposal {
                qp: 0,
                min_qp: 0,
                ..Proposal::of(&ours)
            };
            (ours.qp, controller.take_over(&P, &ours, &theirs).0.qp)
        };
        for mode in [Mode::Cbr, Mode::Vbr, Mode::CappedQuality] {
            let (ours, theirs) = lowest(true, mode);
            // An I picture of this QP has room in half of the CPB.
            assert!(ours >= theirs && theirs > 20);
            assert_eq!(lowest(false, mode).1, 0);
        }
    }

    #[test]
    fn a_maximum_only_gets_smaller() {
        let mut controller = controller(|_, config| config.p.max_bits = 50_000);
        let ours = controller.begin(&P).unwrap();
        assert_eq!(ours.max_bits, 50_000);
        for (wanted, max, whole) in [
            (0, 50_000, false),
            (1, 100, false),
            (40_000, 40_000, true),
            (u64::MAX, 50_000, false),
        ] {
            let theirs = Proposal {
                max_bits: wanted,
                target_bits: 10,
                ..Proposal::of(&ours)
            };
            let (taken, clamped) = controller.take_over(&P, &ours, &theirs);
            assert_eq!(taken.max_bits, max);
            assert_eq!(clamped.bits, !whole);
        }
    }

    #[test]
    fn a_strict_buffer_is_not_theirs_to_break() {
        let mut controller = controller(|caps, config| {
            caps.hard_max = false;
            config.strict = true;
            config.cpb_bits = 100_000;
        });
        let ours = controller.begin(&I).unwrap();
        code(&mut controller, &ours, 90_000);
        let ours = controller.begin(&P).unwrap();
        // At this QP it has no room.
        let theirs = Proposal {
            action: Action::Encode,
            qp: 0,
            min_qp: 0,
            ..Proposal::of(&ours)
        };
        let (taken, clamped) = controller.take_over(&P, &ours, &theirs);
        assert_eq!(taken.action, Action::Skip);
        assert!(clamped.action);
    }

    #[test]
    fn some_pictures_cannot_be_skipped() {
        let undroppable = FrameIn {
            undroppable: true,
            ..P
        };
        for (frame, action) in [
            (I, Action::Encode),
            (undroppable, Action::Encode),
            (P, Action::Skip),
        ] {
            let mut controller = controller(|_, _| ());
            let ours = controller.begin(&frame).unwrap();
            let theirs = Proposal {
                action: Action::Skip,
                ..Proposal::of(&ours)
            };
            let (taken, clamped) = controller.take_over(&frame, &ours, &theirs);
            assert_eq!(taken.action, action);
            assert_eq!(clamped.action, action == Action::Encode);
        }
    }

    #[test]
    fn no_more_are_skipped_in_a_row_than_allowed() {
        let mut controller = controller(|_, config| config.max_skips = 3);
        let mut skipped = 0;
        for _ in 0..40 {
            let ours = controller.begin(&P).unwrap();
            let theirs = Proposal {
                action: Action::Skip,
                ..Proposal::of(&ours)
            };
            let (taken, _) = controller.take_over(&P, &ours, &theirs);
            if taken.action == Action::Skip {
                skipped += 1;
            }
            code(&mut controller, &taken, 100);
        }
        assert_eq!(skipped, 30);
    }

    #[test]
    fn pictures_stay_what_they_are() {
        let measured = FrameIn {
            analysis: Some(Analysis {
                inter: 200_000,
                intra: 1_600_000,
            }),
            ..P
        };
        let away = FrameIn { distance: 30, ..P };
        for (frame, flag) in [(measured, Pending::ANALYSED), (away, Pending::FAR)] {
            let mut controller = controller(|_, _| ());
            let ours = controller.begin(&frame).unwrap();
            let theirs = Proposal {
                qp: ours.qp + 1,
                ..Proposal::of(&ours)
            };
            let (taken, _) = controller.take_over(&frame, &ours, &theirs);
            assert!(controller.ring.get(taken.cookie).is(flag));
            // And teach what they would.
            let before = (controller.inter, controller.far);
            code(&mut controller, &taken, 20_000);
            assert_ne!((controller.inter, controller.far), before);
        }
    }

    #[test]
    fn the_built_in_controller_goes_on_from_the_last_qp() {
        let mut controller = controller(|_, _| ());
        let ours = controller.begin(&I).unwrap();
        code(&mut controller, &ours, 60_000);
        // Far too coarse for the rate, for long.
        for _ in 0..100 {
            let ours = controller.begin(&P).unwrap();
            let theirs = Proposal {
                qp: 50,
                ..Proposal::of(&ours)
            };
            let (taken, _) = controller.take_over(&P, &ours, &theirs);
            assert_eq!(taken.qp, 50);
            code(&mut controller, &taken, 3_000);
        }
        controller.rebase();
        let next = controller.begin(&P).unwrap();
        // As far as it goes at once while the channel is idle.
        assert!(next.qp >= 45);
    }
}
