// SPDX-License-Identifier: GPL-2.0

//! What a picture should be: its size and its quantizer step, and whether it should be at all.

use super::{
    bucket::Bucket,
    config::{
        Config,
        Mode,
        SkipMode, //
    },
    controller::Controller,
    cycle::Cookie,
    frame::{
        Action,
        Analysis,
        FrameIn,
        FrameType, //
    },
    lesson::{
        P_SLOPE,
        STILL_SIZE,
        STILL_STEP, //
    },
    log2::Log2,
    math::signed,
    plan::Plan, //
};

/// A P picture this much larger than usual repaints the picture: it is treated as an I picture.
const REPAINT: Log2 = Log2::ratio(13, 10);
/// The activity of a still picture, by that of a usual I picture: nothing is new.
pub(super) const STILL: Log2 = Log2::ratio(-10, 1);
/// The least that sizes follow: below it, they are of what the last quantizer has left.
pub(super) const QUIET: Log2 = Log2::ratio(-6, 1);
/// Length of the queue, in half pictures, that the first picture may make.
const FIRST: u64 = 6;
/// The same for other pictures that cannot help being large.
const BURST: u64 = 9;
/// Above this length of the queue, in pictures, what repaints after what did so already is no
/// such picture: a page is turned once, and what moves goes on to move. Were each of its pictures
/// a burst, it would stand in the queue when the next cut comes.
const MOTION: u64 = 2;
/// Pictures of a layer in which its debt is paid.
const LAYER_HORIZON: u64 = 8;

/// What a picture that is to fit leaves free, as QPs are whole numbers.
const MARGIN: Log2 = Log2::ratio(1, 4);
/// A step of 16 (QP 28).
const COARSE: Log2 = Log2::ratio(4, 1);
/// A QP of H.264.
const QP: Log2 = Log2::ratio(1, 6);

/// What is known of a picture before it is coded.
#[derive(Clone, Copy)]
pub(super) struct Outlook {
    /// The type of picture that it is like: what is painted anew, and not by parts of what was
    /// there, is like an I picture.
    pub(super) like: FrameType,
    /// It will be much larger than usual.
    pub(super) large: bool,
    /// So was the one before, and nothing new began in between.
    pub(super) moves: bool,
    /// Its references are far away, and it was not measured.
    pub(super) far: bool,
    /// The logarithm of its activity.
    pub(super) activity: Log2,
}

impl Outlook {
    /// An I picture, or one that takes the place of one: those after it are not like it.
    pub(super) fn is_key(&self, frame: &FrameIn) -> bool {
        frame.frame_type == FrameType::I || (self.far && self.like == FrameType::I)
    }
}

/// An activity by that of a usual I picture. What did not change is coded again as far as its
/// last quantizer was coarse.
fn by_activity(sum: u64, usual: Log2) -> Log2 {
    let activity = Log2::of(sum).minus(usual);
    if activity <= STILL {
        STILL
    } else {
        activity.max(QUIET)
    }
}

impl Controller {
    /// What is known of a picture.
    #[inline(always)]
    pub(super) fn outlook(&self, frame: &FrameIn) -> Outlook {
        // What came before has nothing to do with it.
        let cut = frame.discontinuity || self.missed;
        match &frame.analysis {
            Some(analysis) => self.outlook_of(frame.frame_type, analysis, cut),
            None => {
                let far = self.is_far(frame);
                let instead = if far { self.far_activity(frame) } else { None };
                Outlook {
                    like: instead.map_or(frame.frame_type, |_| FrameType::I),
                    large: frame.frame_type == FrameType::I || cut || instead.is_some(),
                    far,
                    moves: false,
                    activity: instead.unwrap_or(Log2::ZERO),
                }
            }
        }
    }

    /// What an analysis says.
    fn outlook_of(&self, frame_type: FrameType, analysis: &Analysis, cut: bool) -> Outlook {
        let usual = self.intra_activity();
        let relative = |sum| by_activity(sum, usual);
        let inter = relative(analysis.inter);
        let repaints = cut
            || self
                .usual_activity
                .is_some_and(|usual| inter.minus(usual) > REPAINT);
        let anew = repaints && (self.missed || analysis.inter >= analysis.intra / 4 * 3);
        let like = if anew { FrameType::I } else { frame_type };
        Outlook {
            like,
            large: frame_type == FrameType::I || repaints,
            // What was measured has it.
            far: false,
            moves: self.repainted && like == FrameType::P && !cut,
            activity: match like {
                FrameType::I => relative(analysis.intra),
                FrameType::P if analysis.inter <= analysis.intra => inter,
                FrameType::P => relative(analysis.intra),
            },
        }
    }

    /// The activity of a usual I picture: 16 a sample.
    fn intra_activity(&self) -> Log2 {
        Log2::of(self.caps.macroblocks.into()).plus(Log2::ratio(12, 1))
    }

    /// Has what was learned be by activity, or not, as the pictures that come are. Where that
    /// changes, this picture is taken for one like those before. One whose QP is given teaches
    /// nothing, and changes nothing.
    pub(super) fn follow_analysis(&mut self, frame: &FrameIn) {
        if frame.analysis.is_some() == self.analysed || frame.fixed_qp.is_some() {
            return;
        }
        let (intra, inter) = match frame.analysis {
            Some(analysis) => {
                let usual = self.intra_activity();
                let inter = analysis.inter.min(analysis.intra);
                (
                    by_activity(analysis.intra, usual),
                    by_activity(inter, usual),
                )
            }
            // What is usual of an I picture is what activities are relative to.
            None => {
                let usual = self.usual_activity.unwrap_or(Log2::ZERO);
                (Log2::ZERO, Log2::ZERO.minus(usual))
            }
        };
        self.analysed = frame.analysis.is_some();
        self.usual_activity = None;
        if !self.first {
            self.intra.divide(intra);
            for model in &mut self.inter {
                model.divide(inter);
            }
        }
    }

    /// The size to aim at.
    pub(super) fn target(
        &self,
        config: &Config,
        frame: &FrameIn,
        bucket: &Bucket,
        outlook: &Outlook,
        sixteenths: u64,
    ) -> u64 {
        let plan = &self.plan;
        let model = self.model(outlook.like, frame.layer);
        let spread = model.spread();
        let smaller = |bits| Log2::of(bits).minus(spread.min(Log2::ONE)).exp();
        let slow = matches!(config.mode, Mode::Vbr | Mode::CappedQuality);
        let long = bucket.fill >= self.pace.saturating_mul(MOTION);
        let burst = outlook.large && !(outlook.moves && long);
        let wanted = match () {
            () if self.first => plan.burst(bucket, self.pace, FIRST),
            () if outlook.large && slow => u64::MAX,
            () if burst => {
                // Its size is known as well as those of others like it were.
                smaller(plan.burst(bucket, self.pace, BURST))
            }
            () if slow => plan.ceiling(bucket, self.peak_share()),
            () => {
                let due = if config.layers > 1 {
                    self.layer_due(frame, bucket, sixteenths)
                } else {
                    Plan::due(bucket.debt, plan.horizon, self.pace, sixteenths)
                };
                // What is too much of a guess waits for long, what is too little for a picture.
                if model.is_guess() {
                    smaller(due)
                } else {
                    due
                }
            }
        };
        let mut target = wanted
            .min(plan.room(bucket, self.pace, spread, self.caps.hard_max))
            .max(self.pace.min(plan.cpb) >> 4);
        for max in [config.limits(frame.frame_type).max_bits, frame.max_bits] {
            if max != 0 {
                let usual = spread.plus(spread).min(Log2::ONE);
                target = target.min(Log2::of(max).minus(usual).exp());
            }
        }
        target
    }

    /// What leaves the bucket in the time of a picture.
    fn peak_share(&self) -> u64 {
        super::math::mul_div(self.pace, self.plan.peak, self.plan.rate.max(1))
    }

    /// What is due to a picture of a temporal layer: its layer's share, unless all together are
    /// in debt.
    fn layer_due(&self, frame: &FrameIn, bucket: &Bucket, sixteenths: u64) -> u64 {
        let plan = &self.plan;
        let layer = usize::from(frame.layer);
        let share = plan
            .layer_shares
            .get(layer)
            .map_or(plan.share, |&share| share);
        let debt = self.layer_debts.get(layer).map_or(0, |&debt| debt);
        let own = Plan::due(debt, share.saturating_mul(LAYER_HORIZON), share, sixteenths);
        let most = share.saturating_mul(2);
        own.min(Plan::due(bucket.debt, plan.horizon, most, sixteenths))
    }

    /// What is due to a usual picture in VBR: a debt is paid in half of the averaging window, as a
    /// mean above the rate breaks a promise. What is saved is spent over all of it: it is not lost
    /// meanwhile, and the quality is to change little.
    fn usual_due(&self, bucket: &Bucket, sixteenths: u64) -> u64 {
        // Savings would be spent twice as fast as debts are paid.
        let debt = bucket.debt.max(bucket.debt >> 2);
        Plan::due(debt, self.plan.horizon, self.pace, sixteenths)
    }

    /// The quantizer step at which a picture has the size that it should have, as far as the step
    /// may change at once.
    #[inline(always)]
    pub(super) fn wanted_step(
        &self,
        config: &Config,
        frame: &FrameIn,
        bucket: &Bucket,
        outlook: &Outlook,
        sixteenths: u64,
        target: u64,
    ) -> Log2 {
        if matches!(config.mode, Mode::Fixed | Mode::Quality) {
            return self.quality_step(config);
        }
        let model = self.model(outlook.like, frame.layer);
        let bits = target.saturating_sub(frame.header_bits).max(target >> 3);
        let fitting = model.step(Log2::of(bits), outlook.activity);
        let Some(quantizer) = self.quantizers.get(usize::from(frame.layer)) else {
            return fitting;
        };
        let step = match config.mode {
            Mode::CappedQuality => return fitting.max(self.quality_step(config)),
            Mode::Vbr => match self.steady {
                Some(steady) => {
                    let due = Log2::of(self.usual_due(bucket, sixteenths));
                    let usual = steady.minus(due).over(P_SLOPE);
                    fitting.max(usual)
                }
                None => fitting,
            },
            _ => fitting,
        };
        if outlook.is_key(frame) {
            // A key picture is no better than the others, and no worse than it must.
            return quantizer.last().map_or(step, |last| step.max(last));
        }
        let step = self.visible(frame, outlook, step);
        let unknown = outlook.large || model.is_new();
        // What is not known yet of pictures that have begun may be enough.
        let idle = bucket.fill == 0
            && bucket.debt <= signed(self.plan.savings.credit >> 1).saturating_neg()
            && self.outstanding() <= 1;
        let step = match quantizer.last() {
            Some(last) if frame.analysis.is_some() => {
                let known = !outlook.large && !model.is_guess();
                self.refined(last, bucket, outlook, known, step)
            }
            _ => step,
        };
        let step = quantizer.approach(step, sixteenths, unknown, idle);
        // What would not fit is coarser at once, rather than late or skipped.
        let room = self.plan.promise.saturating_sub(bucket.fill);
        let room = room.saturating_sub(frame.header_bits);
        // Where the step is not finer than the one that fits, it takes no more bits than that: in
        // four times the room, which is common, there is nothing to work out.
        if step >= fitting && room >> 2 > bits {
            return step;
        }
        let room = Log2::of(room).minus(MARGIN);
        if model.size(step, outlook.activity) > room {
            step.max(model.step(room, outlook.activity))
        } else {
            step
        }
    }

    /// The finest step at which an I picture would fit as well, whatever comes, where that is
    /// asked for.
    pub(super) fn safe_step(
        &self,
        config: &Config,
        frame: &FrameIn,
        bucket: &Bucket,
    ) -> Option<Log2> {
        if !config.intra_safe || self.plan.rate == 0 || frame.frame_type == FrameType::I {
            return None;
        }
        let room = Log2::of(self.plan.cpb.saturating_sub(bucket.fill).max(1));
        Some(self.intra.step(room, Log2::ZERO))
    }

    /// A step, no finer than can be afforded by what is known of the source: `known` says that
    /// pictures like it were coded before.
    ///
    /// A finer step than the last one is for the next picture, if this one is new. What it takes
    /// of what is still there is not known before: it comes once that of the last one is sent, and
    /// a little at a time where there is much to code.
    fn refined(
        &self,
        last: Log2,
        bucket: &Bucket,
        outlook: &Outlook,
        known: bool,
        step: Log2,
    ) -> Log2 {
        let still = outlook.activity == STILL;
        let sent = bucket.fill <= self.pace;
        match (still, sent) {
            (true, true) if last > COARSE => step,
            (true, true) => step.max(last.minus(QP)),
            (false, _) if known => step,
            _ => step.max(last),
        }
    }

    /// A step, or the finest that can be told from finer ones where hardly anything is to be
    /// coded: what comes after stillness is coded with the step of the still picture.
    fn visible(&self, frame: &FrameIn, outlook: &Outlook, step: Log2) -> Log2 {
        if step >= STILL_STEP {
            return step;
        }
        let size = self
            .model(outlook.like, frame.layer)
            .size(STILL_STEP, outlook.activity);
        if outlook.activity == STILL || size.plus(STILL_SIZE) < Log2::of(self.pace) {
            STILL_STEP
        } else {
            step
        }
    }

    /// The quantizer step that a constant quality means: 100 is the finest, 1 the coarsest.
    fn quality_step(&self, config: &Config) -> Log2 {
        let worse = 100i32.wrapping_sub(i32::from(config.quality.clamp(1, 100)));
        let qp = worse.wrapping_mul(self.caps.scale.max()).wrapping_div(99);
        self.caps.scale.step(qp)
    }

    /// Whether to code a picture at all.
    pub(super) fn action(
        &self,
        config: &Config,
        frame: &FrameIn,
        cookie: Cookie,
        bucket: &Bucket,
        bits: u64,
    ) -> Action {
        // Without a lever nothing else keeps the promise when the QP may not rise.
        let strict = config.strict && !self.caps.hard_max && !self.caps.post_skip;
        let wanted = config.skip != SkipMode::Disabled && frame.fixed_qp.is_none();
        let droppable = !frame.undroppable && frame.frame_type == FrameType::P;
        if !droppable || self.plan.rate == 0 || (!strict && !wanted) {
            return Action::Encode;
        }
        let fill = bucket.fill.saturating_add(bits);
        let may_skip = config.max_skips == 0 || self.skips_before(cookie) < config.max_skips;
        // As afterwards, when the size is known: what would violate is not coded, however many
        // were skipped before it.
        let violates = strict && fill > self.plan.limit;
        let late = strict && fill > self.plan.promise;
        let full = wanted && fill > self.plan.skip_limit;
        if violates || (may_skip && (late || full)) {
            Action::Skip
        } else {
            Action::Encode
        }
    }

    /// The bits that a picture takes at least.
    pub(super) fn floor(&self, frame: &FrameIn) -> u64 {
        match frame.frame_type {
            FrameType::I => self.caps.intra_floor(),
            FrameType::P => u64::from(self.caps.skip_bits),
        }
        .saturating_add(frame.header_bits)
        .max(1)
    }

    /// The most bits that a picture may have, 0 for any number; and whether that is more than the
    /// limits allow, as a picture takes no fewer. At worst there is `fill` in the bucket.
    #[inline]
    pub(super) fn max_bits(&self, config: &Config, frame: &FrameIn, fill: u64) -> (u64, bool) {
        let given = config.limits(frame.frame_type).max_bits;
        // Without a rate there is no CPB to keep to.
        let strict = config.strict && self.plan.rate != 0;
        if !strict && given == 0 && frame.max_bits == 0 {
            return (0, false);
        }
        self.least_of(strict, given, frame, fill)
    }

    /// The same where there is a limit: the least of all.
    fn least_of(&self, strict: bool, given: u64, frame: &FrameIn, fill: u64) -> (u64, bool) {
        // A bucket of many pictures is never filled up: the viewer waits for all of it, and the
        // next picture finds nothing left.
        let promise = self.plan.promise;
        let full = if promise > self.pace.saturating_mul(6) {
            promise.saturating_sub(promise >> 3)
        } else {
            promise
        };
        let room = full.saturating_sub(fill);
        [given, frame.max_bits, if strict { room.max(1) } else { 0 }]
            .into_iter()
            .filter(|&max| max != 0)
            .min()
            .map_or((0, false), |max| {
                let floor = self.floor(frame);
                (max.max(floor), max < floor)
            })
    }
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_aim))]
mod tests {
    use super::{
        super::{
            config::Capabilities,
            frame::{
                Analysis,
                Outcome, //
            },
            scale::Scale, //
        },
        *,
    };

    /// A stream of 352x288 in CBR, 40 kbit a picture, whose pictures are analysed.
    fn analysed() -> Controller {
        let mut controller = Controller::new(Capabilities {
            scale: Scale::Qp51,
            macroblocks: 396,
            intra_floor_q8: 8 << 8,
            hard_max: false,
            post_skip: false,
            post_drop: false,
            filler: false,
            skip_bits: 104,
        })
        .unwrap();
        let config = Config::cbr(Scale::Qp51, 1_000_000, 1, 25);
        controller.configure(&config).unwrap();
        controller
    }

    /// A picture of which a part is new.
    fn part_of(frame_type: FrameType, part: u64) -> FrameIn {
        let intra = 396 << 12;
        FrameIn {
            analysis: Some(Analysis {
                inter: intra / part,
                intra,
            }),
            ..FrameIn::new(frame_type)
        }
    }

    /// Codes one, and says what was aimed at.
    fn code(controller: &mut Controller, frame_type: FrameType, part: u64, bits: u64) -> u64 {
        let frame = part_of(frame_type, part);
        let decision = controller.begin(&frame).unwrap();
        let outcome = Outcome {
            bits,
            header_bits: 72,
            mean_qp_q8: None,
            forced_skips: 0,
        };
        controller.end(decision.cookie, &outcome).unwrap();
        controller.commit(decision.cookie, bits).unwrap();
        decision.target_bits
    }

    #[test]
    fn in_vbr_savings_are_spent_over_the_window() {
        let mut controller = analysed();
        let config = Config {
            mode: Mode::Vbr,
            peak: 2_000_000,
            ..Config::cbr(Scale::Qp51, 1_000_000, 1, 25)
        };
        controller.configure(&config).unwrap();
        let due = |debt| {
            let bucket = Bucket {
                debt,
                ..Bucket::default()
            };
            controller.usual_due(&bucket, 0)
        };
        assert_eq!(due(0), 40_000);
        // A fifth of 5 s, and a tenth of 10 s.
        assert_eq!((due(1_000_000), due(-1_000_000)), (32_000, 44_000));
    }

    #[test]
    fn what_moves_is_no_burst() {
        let mut controller = analysed();
        code(&mut controller, FrameType::I, 1, 80_000);
        for _ in 0..50 {
            code(&mut controller, FrameType::P, 32, 40_000);
        }
        // It begins with one, and the queue is long then.
        let first = code(&mut controller, FrameType::P, 4, 120_000);
        assert!(first > 80_000);
        let next = code(&mut controller, FrameType::P, 4, 40_000);
        assert!(next <= 40_000);
        // Nobody saw what was cancelled.
        for _ in 0..20 {
            code(&mut controller, FrameType::P, 32, 36_000);
        }
        code(&mut controller, FrameType::P, 32, 160_000);
        let unseen = controller.begin(&part_of(FrameType::P, 4)).unwrap();
        controller.cancel(unseen.cookie).unwrap();
        let seen = code(&mut controller, FrameType::P, 4, 120_000);
        assert!(seen > 50_000);
        for _ in 0..20 {
            code(&mut controller, FrameType::P, 32, 28_000);
        }
        // So it would be after something else.
        for _ in 0..20 {
            code(&mut controller, FrameType::P, 32, 36_000);
        }
        let again = code(&mut controller, FrameType::P, 4, 120_000);
        assert!(again > 80_000);
    }

    #[test]
    fn sizes_follow_activity_where_there_is_some() {
        let usual = Log2::ratio(20, 1);
        let of = |log: u32| by_activity(1 << log, usual);
        assert_eq!(of(22), Log2::ratio(2, 1));
        assert_eq!(of(15), Log2::ratio(-5, 1));
        // What is quiet is not still, and no less than sizes follow.
        assert_eq!((of(13), of(11)), (QUIET, QUIET));
        assert_eq!((of(10), by_activity(0, usual)), (STILL, STILL));
    }
}
