// SPDX-License-Identifier: GPL-2.0

//! The controller of a stream: from what has been coded to how the next picture is.
//!
//! A picture begins when it is known that it will be coded, and ends when its size is known. In
//! between others may begin: they count with the sizes that were predicted for them.

use super::{
    bucket::Bucket,
    config::{
        Capabilities,
        Config,
        Mode,
        SkipMode,
        MAX_LAYERS, //
    },
    cycle::{
        Cookie,
        Cycle, //
    },
    frame::{
        Action,
        Decision,
        FrameIn,
        Judgement,
        Outcome,
        State,
        Verdict, //
    },
    log2::Log2,
    math::{
        signed,
        Drain, //
    },
    model::{
        Model,
        Surprise, //
    },
    pending::{
        Pending,
        Ring, //
    },
    plan::Plan,
    quantizer::Quantizer,
    session::{
        Error,
        FrameType, //
    },
};

/// How much smaller the P pictures of new content are than its first picture: 2 bits, a factor
/// of 4. It is often more; aiming low is cheaper than aiming high.
const I_TO_P: Log2 = Log2::ratio(2, 1);
/// A P picture this much larger than usual repaints the picture: it is treated as an I picture.
const REPAINT: Log2 = Log2::ratio(13, 10);
/// Length of the queue, in pictures, that the first picture may make.
const FIRST: u64 = 3;
/// The same for other pictures that cannot help being large.
const BURST: u64 = 6;

/// The rate control of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Controller {
    caps: Capabilities,
    config: Option<Config>,
    plan: Plan,
    cycle: Cycle,
    ring: Ring,
    bucket: Bucket,
    out: Drain,
    due: Drain,
    /// Bits of the average picture at the pace of the last ones.
    pace: u64,
    intra: Model,
    inter: [Model; MAX_LAYERS],
    quantizer: Quantizer,
    /// Mean of log2(activity) of P pictures: what is above it repaints.
    usual_activity: Log2,
    /// The last picture was not sent: the next one has its content to bring.
    missed: bool,
    /// Pictures that were replaced in a row.
    skips: u32,
    /// No picture has begun in this stream.
    first: bool,
}

// What a driver holds for each stream stays small.
const _: () = assert!(size_of::<Controller>() <= 1024);

impl Controller {
    /// Without a configuration.
    pub fn new(caps: Capabilities) -> Result<Self, Error> {
        caps.check()?;
        // The guess: at a step of 16 (QP 28) a macroblock of an I picture takes about 100 bits
        // in nature, and often twice that in small pictures.
        let level = Log2::of(u64::from(caps.macroblocks)).plus(Log2::ratio(111, 10));
        let intra = Model::guess(level, Log2::ratio(9, 10));
        Ok(Self {
            caps,
            config: None,
            plan: Plan::UNLIMITED,
            cycle: Cycle::new(),
            ring: Ring::new(),
            bucket: Bucket::default(),
            out: Drain::new(),
            due: Drain::new(),
            pace: 0,
            intra,
            inter: [Model::guess(level.minus(I_TO_P), Log2::ratio(11, 10)); MAX_LAYERS],
            quantizer: Quantizer::new(caps.scale),
            usual_activity: Log2::ZERO,
            missed: false,
            skips: 0,
            first: true,
        })
    }

    /// Sets what applies to the pictures that begin from now on.
    pub fn configure(&mut self, config: &Config) -> Result<(), Error> {
        config.check(self.caps.scale)?;
        let plan = Plan::of(config);
        if self.first {
            self.bucket.fill = plan.initial_fill;
        }
        if plan.share != self.plan.share {
            self.pace = plan.share;
            self.quantizer.release();
        }
        self.bucket.credit = plan.credit;
        self.plan = plan;
        self.config = Some(*config);
        Ok(())
    }

    /// The bucket when the next picture is added, as far as it is known, and what drains before.
    fn forecast(&self, drained: u64, due: u64) -> Bucket {
        let mut bucket = self.bucket;
        for cookie in self.cycle.open() {
            self.ring.get(cookie).apply(&mut bucket);
        }
        bucket.pass(drained, due);
        bucket
    }

    /// The same if every picture is as large as it can be. Without a maximum, as predicted.
    fn worst(&self, drained: u64, due: u64) -> Bucket {
        let mut bucket = self.bucket;
        for cookie in self.cycle.open() {
            let mut picture = *self.ring.get(cookie);
            picture.bits = picture.bits.max(picture.max_bits);
            picture.apply(&mut bucket);
        }
        bucket.pass(drained, due);
        bucket
    }

    fn model(&self, frame_type: FrameType, layer: u8) -> &Model {
        match frame_type {
            FrameType::I => &self.intra,
            FrameType::P => self.inter.get(usize::from(layer)).unwrap_or(&self.intra),
        }
    }

    /// Decides how to code a picture.
    pub fn begin(&mut self, frame: &FrameIn) -> Result<Decision, Error> {
        let config = self.config.ok_or(Error::Unconfigured)?;
        if frame
            .fixed_qp
            .is_some_and(|qp| !self.caps.scale.contains(qp))
            || frame.layer >= config.layers
            || frame.interval_ns > Config::MAX_NS.saturating_mul(2)
            || frame.max_bits > Config::MAX_BITS
            || frame.header_bits > Config::MAX_BITS
        {
            return Err(Error::Invalid);
        }
        let cookie = self.cycle.begin()?;

        let (drained, due) = self.elapse(&config, frame);
        let bucket = self.forecast(drained, due);
        let activity = self.activity(frame);
        let limits = config.limits(frame.frame_type);
        let model = *self.model(frame.frame_type, frame.layer);

        let target = self.target(&config, frame, &bucket, activity);
        let wanted = self.wanted_step(&config, frame, &bucket, activity, target);
        let qp = match (frame.fixed_qp, config.mode) {
            (Some(qp), _) => qp,
            (None, Mode::Fixed) => limits.fixed_qp,
            (None, _) => match config.initial_qp {
                Some(qp) if self.first => qp,
                _ => self.quantizer.choose(wanted),
            },
        }
        .max(limits.min_qp)
        .min(limits.max_qp);
        let step = self.caps.scale.step(qp);
        let predicted = model
            .size(step, activity)
            .exp()
            .saturating_add(frame.header_bits)
            .min(Config::MAX_BITS);

        let action = self.action(&config, frame, &bucket, predicted);
        let worst = self.worst(drained, due);
        let (max_bits, bits) = match action {
            Action::Encode => {
                let max_bits = self.max_bits(&config, frame, &worst);
                let bits = match max_bits {
                    max if max != 0 && self.caps.hard_max => predicted.min(max),
                    _ => predicted,
                };
                (max_bits, bits)
            }
            Action::Skip => (0, u64::from(self.caps.skip_bits)),
        };
        self.ring.put(
            cookie,
            Pending {
                drained,
                due,
                bits,
                max_bits: if self.caps.hard_max { max_bits } else { 0 },
                step,
                activity,
                frame_type: frame.frame_type,
                layer: frame.layer,
                teaches: action == Action::Encode && frame.fixed_qp.is_none(),
                at_min: qp <= limits.min_qp,
                droppable: !frame.undroppable && frame.frame_type == FrameType::P,
                reference: frame.reference,
                skipped: action == Action::Skip,
            },
        );
        self.first = false;
        Ok(Decision {
            cookie,
            action,
            qp,
            min_qp: limits.min_qp.min(limits.max_qp),
            max_qp: limits.max_qp,
            target_bits: target,
            max_bits,
            predicted_bits: bits,
        })
    }

    /// Time passes until a picture: what leaves the bucket, and what is due.
    fn elapse(&mut self, config: &Config, frame: &FrameIn) -> (u64, u64) {
        if self.first {
            return (0, 0);
        }
        let (num, den) = match frame.interval_ns {
            0 => (u64::from(config.interval.0), u64::from(config.interval.1)),
            ns => (ns, 1_000_000_000),
        };
        let drained = self.out.step(self.plan.peak, num, den);
        let due = if self.plan.rate == self.plan.peak {
            drained
        } else {
            self.due.step(self.plan.rate, num, den)
        };
        // Pictures that come at another pace than the configuration says have other sizes.
        let change = signed(due).saturating_sub(signed(self.pace)) >> 2;
        self.pace = self.pace.saturating_add_signed(change).max(1);
        (drained, due)
    }

    /// The logarithm of what is known of a picture.
    fn activity(&self, frame: &FrameIn) -> Log2 {
        match (frame.analysis, frame.frame_type) {
            (None, _) => Log2::ZERO,
            (Some(analysis), FrameType::I) => Log2::of(analysis.intra),
            (Some(analysis), FrameType::P) => Log2::of(analysis.inter.min(analysis.intra)),
        }
    }

    /// The size to aim at.
    fn target(&self, config: &Config, frame: &FrameIn, bucket: &Bucket, activity: Log2) -> u64 {
        let plan = &self.plan;
        let model = self.model(frame.frame_type, frame.layer);
        let large = frame.frame_type == FrameType::I
            || self.missed
            || (self.usual_activity != Log2::ZERO && activity.minus(self.usual_activity) > REPAINT);
        let wanted = if self.first {
            plan.burst(bucket, self.pace, FIRST)
        } else if large {
            plan.burst(bucket, self.pace, BURST)
        } else {
            plan.due(bucket, self.pace)
        };
        let mut target = wanted
            .min(plan.room(bucket, self.pace, model.spread()))
            .max(self.pace >> 4);
        for max in [config.limits(frame.frame_type).max_bits, frame.max_bits] {
            if max != 0 {
                let usual = model.spread().plus(model.spread()).min(Log2::ONE);
                target = target.min(Log2::of(max).minus(usual).exp());
            }
        }
        target
    }

    /// The quantizer step at which a picture has the size that it should have, as far as the step
    /// may change at once.
    fn wanted_step(
        &self,
        config: &Config,
        frame: &FrameIn,
        bucket: &Bucket,
        activity: Log2,
        target: u64,
    ) -> Log2 {
        if matches!(config.mode, Mode::Fixed | Mode::Quality) {
            return self.quality_step(config);
        }
        let model = self.model(frame.frame_type, frame.layer);
        let size = Log2::of(target.saturating_sub(frame.header_bits).max(target >> 3));
        let step = model.step(size, activity);
        match frame.frame_type {
            // A key picture is no better than the others, and no worse than it must.
            FrameType::I => self.quantizer.last().map_or(step, |last| step.max(last)),
            FrameType::P => {
                let repaints = self.missed || size > Log2::of(self.pace.saturating_mul(2));
                self.quantizer
                    .approach(step, self.plan.sixteenths(bucket), repaints)
            }
        }
    }

    /// The quantizer step that a constant quality means: 100 is the finest, 1 the coarsest.
    fn quality_step(&self, config: &Config) -> Log2 {
        let worse = 100i32.wrapping_sub(i32::from(config.quality.clamp(1, 100)));
        let qp = worse.wrapping_mul(self.caps.scale.max()).wrapping_div(99);
        self.caps.scale.step(qp)
    }

    /// Whether to code a picture at all.
    fn action(&self, config: &Config, frame: &FrameIn, bucket: &Bucket, bits: u64) -> Action {
        let droppable = !frame.undroppable
            && frame.frame_type == FrameType::P
            && frame.fixed_qp.is_none()
            && (config.max_skips == 0 || self.skips < config.max_skips);
        let full = bucket.fill.saturating_add(bits) > self.plan.cpb;
        let skip = match config.skip {
            SkipMode::Disabled => false,
            SkipMode::Level => bucket.fill >= self.plan.cpb,
            SkipMode::Buffer => full,
        };
        if droppable && skip && self.plan.rate != 0 {
            Action::Skip
        } else {
            Action::Encode
        }
    }

    /// The most bits that a picture may have; 0 for any number.
    fn max_bits(&self, config: &Config, frame: &FrameIn, worst: &Bucket) -> u64 {
        let floor = match frame.frame_type {
            FrameType::I => self.caps.intra_floor(),
            FrameType::P => u64::from(self.caps.skip_bits),
        }
        .saturating_add(frame.header_bits)
        .max(1);
        let room = self.plan.cpb.saturating_sub(worst.fill);
        [
            config.limits(frame.frame_type).max_bits,
            frame.max_bits,
            if config.strict { room.max(1) } else { 0 },
        ]
        .into_iter()
        .filter(|&max| max != 0)
        .min()
        .map_or(0, |max| max.max(floor))
    }

    /// Judges a coded picture.
    pub fn end(&mut self, cookie: Cookie, outcome: &Outcome) -> Result<Judgement, Error> {
        self.cycle.may_end(cookie)?;
        let config = self.config.ok_or(Error::Unconfigured)?;
        if outcome.bits > Config::MAX_BITS || outcome.header_bits > outcome.bits {
            return Err(Error::Invalid);
        }
        self.cycle.end(cookie)?;
        let mut picture = *self.ring.get(cookie);
        picture.bits = outcome.bits;
        self.ring.put(cookie, picture);

        let mut bucket = self.bucket;
        picture.apply(&mut bucket);
        let violation = self.plan.violation(&bucket);
        let verdict = if violation == 0
            || !(config.strict || config.skip != SkipMode::Disabled)
            || !picture.droppable
            || picture.skipped
            || *self.cycle.open().end() != cookie
        {
            Verdict::Keep
        } else if self.caps.post_skip {
            Verdict::ReplaceBySkip
        } else if self.caps.post_drop && !picture.reference {
            Verdict::Drop
        } else {
            Verdict::Keep
        };
        if picture.teaches && outcome.forced_skips == 0 {
            self.learn(&picture, outcome, verdict);
        }
        if verdict == Verdict::Keep && !picture.skipped {
            self.missed = false;
            self.skips = 0;
        } else {
            self.missed |= verdict != Verdict::Keep;
            self.skips = self.skips.saturating_add(1);
        }
        let idle = if config.filler && verdict == Verdict::Keep {
            self.plan.share.saturating_sub(bucket.fill)
        } else {
            0
        };
        Ok(Judgement {
            verdict,
            filler_bytes: filler_bytes(idle),
            violation_bits: violation,
        })
    }

    /// The models learn from a picture.
    fn learn(&mut self, picture: &Pending, outcome: &Outcome, verdict: Verdict) {
        let size = Log2::of(outcome.bits.saturating_sub(outcome.header_bits).max(1));
        let step = match outcome.mean_qp_q8 {
            None => picture.step,
            Some(q8) => self.caps.scale.step_q8(q8),
        };
        let activity = picture.activity;
        match picture.frame_type {
            FrameType::I => {
                let level = self.intra.level_of(step, activity, size);
                if self.intra.learn(step, activity, size) == Surprise::NewContent {
                    self.intra.expect(level);
                }
                for model in &mut self.inter {
                    if model.is_guess() && activity == Log2::ZERO {
                        let level = size.minus(I_TO_P).plus(model.slope().times(step));
                        model.expect(level);
                    }
                }
                self.quantizer.settle(step);
            }
            FrameType::P => {
                let intra = self.intra;
                let Some(model) = self.inter.get_mut(usize::from(picture.layer)) else {
                    return;
                };
                let error = model.error(step, activity, size);
                if picture.at_min && error < Log2::ZERO {
                    // There is nothing finer: what is saved tells nothing of what comes.
                    return;
                }
                let level = model.level_of(step, activity, size);
                let usual = model.level();
                if verdict != Verdict::Keep {
                    model.expect(level);
                } else if model.learn(step, activity, size) == Surprise::NewContent {
                    // The next one is predicted from it: its size says what an I picture takes.
                    model.expect(if activity == Log2::ZERO {
                        level.minus(I_TO_P).max(usual)
                    } else {
                        level
                    });
                    self.intra
                        .expect(intra.level_of(step, activity, size).max(intra.level()));
                    self.quantizer.release();
                }
                if activity != Log2::ZERO {
                    let change = activity.minus(self.usual_activity);
                    self.usual_activity = if self.usual_activity == Log2::ZERO {
                        activity
                    } else {
                        self.usual_activity.plus(change.times(Log2::ratio(1, 8)))
                    };
                }
            }
        }
    }

    /// The verdict has been carried out: so many bits are sent in the end, filler included.
    pub fn commit(&mut self, cookie: Cookie, bits: u64) -> Result<State, Error> {
        if bits > Config::MAX_BITS {
            return Err(Error::Invalid);
        }
        self.cycle.commit(cookie)?;
        self.close(cookie, bits);
        Ok(self.state())
    }

    /// The picture will not be. Its time passes nevertheless.
    pub fn cancel(&mut self, cookie: Cookie) -> Result<(), Error> {
        self.cycle.cancel(cookie)?;
        self.close(cookie, 0);
        Ok(())
    }

    fn close(&mut self, cookie: Cookie, bits: u64) {
        let mut picture = *self.ring.get(cookie);
        picture.bits = bits;
        picture.apply(&mut self.bucket);
    }

    /// A new stream starts, with the same configuration.
    pub fn reset(&mut self) {
        let mut cycle = self.cycle;
        cycle.reset();
        if let Ok(mut new) = Self::new(self.caps) {
            new.cycle = cycle;
            if let Some(config) = self.config {
                // It was in range before.
                let _ = new.configure(&config);
            }
            *self = new;
        }
    }

    /// Where the session is, with the pictures that have closed.
    pub fn state(&self) -> State {
        State {
            fill: self.bucket.fill,
            cpb: self.plan.cpb,
            debt: self.bucket.debt,
            delay_ns: self.plan.delay_ns(self.bucket.fill),
        }
    }
}

/// Bytes of filler data that make up for so many bits.
///
/// A NAL unit of filler data with its start code and trailing bits takes 6 (ITU-T H.264 clause
/// 7.3.2.7 and annex B): less is sent later.
fn filler_bytes(bits: u64) -> u64 {
    match bits.saturating_add(7) >> 3 {
        0..=5 => 0,
        bytes => bytes,
    }
}
