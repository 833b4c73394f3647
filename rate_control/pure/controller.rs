// SPDX-License-Identifier: GPL-2.0

//! The controller of a stream: from what has been coded to how the next picture is.
//!
//! A picture begins when it is known that it will be coded, and ends when its size is known. In
//! between others may begin: they count with the sizes that were predicted for them.

use super::{
    bucket::{
        Bucket,
        Savings, //
    },
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
    error::Error,
    far::Far,
    frame::{
        reason,
        Action,
        Decision,
        FrameIn,
        FrameType,
        Judgement,
        Outcome,
        State,
        Verdict, //
    },
    hrd, lesson,
    log2::Log2,
    math::{
        mul_div,
        signed,
        Drain, //
    },
    model::Model,
    pending::{
        Pending,
        Ring, //
    },
    plan::Plan,
    quantizer::Quantizer,
};
use core::cmp::Ordering;
use core::ops::Range;

/// The rate control of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Controller {
    pub(super) caps: Capabilities,
    pub(super) config: Option<Config>,
    pub(super) plan: Plan,
    pub(super) cycle: Cycle,
    pub(super) ring: Ring,
    pub(super) bucket: Bucket,
    pub(super) out: Drain,
    pub(super) due: Drain,
    /// Bits of the average picture at the pace of the last ones.
    pub(super) pace: u64,
    pub(super) intra: Model,
    pub(super) inter: [Model; MAX_LAYERS],
    pub(super) quantizers: [Quantizer; MAX_LAYERS],
    /// Bits of each layer beyond its rate.
    pub(super) layer_debts: [i64; MAX_LAYERS],
    /// What the level of P pictures is in the long run.
    pub(super) steady: Option<Log2>,
    /// Mean of log2(activity) of P pictures: what is above it repaints.
    pub(super) usual_activity: Option<Log2>,
    /// What was learned is by activity.
    pub(super) analysed: bool,
    /// Pictures with far references.
    pub(super) far: Far,
    /// The last picture that began is a P picture that is coded, and known to be much larger than
    /// usual.
    pub(super) repainted: bool,
    /// The last picture was not sent: the next one has its content to bring.
    pub(super) missed: bool,
    /// Pictures that were replaced in a row.
    pub(super) skips: u32,
    /// What became of the picture that has ended last, and whether it violates the CPB if kept.
    pub(super) last_ended: (Verdict, bool),
    /// No picture has begun in this stream, or none that was not cancelled.
    pub(super) first: bool,
    /// A picture is in the stream.
    started: bool,
}

// What a driver holds for each stream stays small.
const _: () = assert!(size_of::<Controller>() <= 1024);

impl Controller {
    /// Without a configuration.
    pub fn new(caps: Capabilities) -> Result<Self, Error> {
        caps.check()?;
        // The guess: at a step of 20 (QP 30) a macroblock of an I picture takes 240 bits in
        // pictures of 220 macroblocks, and a sixth less each time that their number doubles, as
        // the same scene has less detail in each. Few pictures of nature take more.
        let macroblocks = Log2::of(u64::from(caps.macroblocks));
        let level = macroblocks
            .times(Log2::ratio(3, 4))
            .plus(Log2::ratio(137, 10));
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
            inter: [Model::guess(level.minus(lesson::I_TO_P), lesson::P_SLOPE); MAX_LAYERS],
            quantizers: [Quantizer::new(caps.scale); MAX_LAYERS],
            layer_debts: [0; MAX_LAYERS],
            steady: None,
            usual_activity: None,
            analysed: false,
            far: Far::NEW,
            repainted: false,
            missed: false,
            skips: 0,
            last_ended: (Verdict::Keep, false),
            first: true,
            started: false,
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
            self.release();
        }
        self.plan = plan;
        self.config = Some(*config);
        Ok(())
    }

    /// The steps that come need not be near those before.
    pub(super) fn release(&mut self) {
        for quantizer in &mut self.quantizers {
            quantizer.release();
        }
    }

    /// What may be saved. Each picture that begins before the last one is known is one more in
    /// which the channel may idle unforeseen, and for which as much may wait.
    fn savings(&self) -> Savings {
        let ahead = self.outstanding().saturating_sub(1);
        if ahead == 0 {
            return self.plan.savings;
        }
        let more = self.plan.share.saturating_mul(ahead);
        let Savings {
            credit,
            owed,
            standing,
        } = self.plan.savings;
        Savings {
            credit: credit.saturating_add(more),
            owed,
            standing: standing.saturating_add(more),
        }
    }

    /// The bucket when the next picture is added, as far as it is known, and what drains before.
    #[inline]
    pub(super) fn forecast(&self, open: Range<Cookie>, drained: u64, due: u64) -> Bucket {
        if self.outstanding() > 1 {
            return self.forecast_open(open, drained, due);
        }
        // As of most pictures: no other is open.
        let mut bucket = self.bucket;
        bucket.pass(drained, due, &self.plan.savings);
        bucket
    }

    /// The same with pictures that are open.
    #[inline(never)]
    fn forecast_open(&self, open: Range<Cookie>, drained: u64, due: u64) -> Bucket {
        let mut bucket = self.bucket;
        let savings = self.savings();
        for cookie in open {
            let mut picture = *self.ring.get(cookie);
            picture.bits = self.expected(&picture);
            picture.apply(&mut bucket, &savings);
        }
        bucket.pass(drained, due, &savings);
        bucket
    }

    /// The size of a picture that has begun, by what was learned since: what is known late of one
    /// picture is not repeated in those that had begun before (Smith, "Closer control of loops
    /// with dead time", 1957).
    fn expected(&self, picture: &Pending) -> u64 {
        if picture.is(Pending::KNOWN) || picture.is(Pending::ANALYSED) != self.analysed {
            return picture.bits;
        }
        let model = self.model(picture.like, picture.layer);
        let size = model.size(picture.step, picture.activity).exp();
        let bits = size
            .saturating_add(picture.header_bits.into())
            .min(Config::MAX_BITS);
        match picture.max_bits {
            0 => bits,
            max => bits.min(max),
        }
    }

    /// The same if every picture is as large as it can be. Without a maximum, as predicted.
    pub(super) fn worst(&self, open: Range<Cookie>, drained: u64, due: u64) -> Bucket {
        let mut bucket = self.bucket;
        let savings = self.savings();
        for cookie in open {
            let mut picture = *self.ring.get(cookie);
            picture.bits = self.expected(&picture);
            if !picture.is(Pending::KNOWN) {
                picture.bits = picture.bits.max(picture.max_bits);
            }
            picture.apply(&mut bucket, &savings);
        }
        bucket.pass(drained, due, &savings);
        bucket
    }

    /// What is known of pictures like this.
    pub(super) fn model(&self, frame_type: FrameType, layer: u8) -> &Model {
        match frame_type {
            FrameType::I => &self.intra,
            FrameType::P => self.inter.get(usize::from(layer)).unwrap_or(&self.intra),
        }
    }

    /// Decides how to code a picture.
    pub fn begin(&mut self, frame: &FrameIn) -> Result<Decision, Error> {
        let config = self.config.as_ref().ok_or(Error::Unconfigured)?;
        if frame
            .fixed_qp
            .is_some_and(|qp| !self.caps.scale.contains(qp))
            || frame.layer >= config.layers
            || frame.interval_ns > FrameIn::MAX_INTERVAL_NS
            || frame.max_bits > Config::MAX_BITS
            || frame.header_bits > Config::MAX_BITS
        {
            return Err(Error::Invalid);
        }
        let interval = interval(config, frame);
        let cookie = self.cycle.begin()?;
        self.follow_analysis(frame);

        let (drained, due) = self.elapse(interval);
        let config = self.config.as_ref().ok_or(Error::Unconfigured)?;
        let bucket = self.forecast(self.cycle.before(cookie), drained, due);
        let limits = config.limits(frame.frame_type);
        let outlook = self.outlook(frame);
        let sixteenths = self.plan.sixteenths(&bucket);

        let target = self.target(config, frame, &bucket, &outlook, sixteenths);
        let (asked, mut reasons) = match (frame.fixed_qp, config.mode) {
            (Some(qp), _) => (qp, reason::FIXED_QP),
            (None, Mode::Fixed) => (limits.fixed_qp, reason::FIXED_QP),
            (None, _) => match config.initial_qp {
                Some(qp) if self.first => (qp, reason::INITIAL_QP),
                _ => {
                    let step =
                        self.wanted_step(config, frame, &bucket, &outlook, sixteenths, target);
                    let safe = self.safe_step(config, frame, &bucket);
                    let step = safe.map_or(step, |safe| step.max(safe));
                    let quantizer = self.quantizers.get_mut(usize::from(frame.layer));
                    let qp = match quantizer.filter(|_| !outlook.is_key(frame)) {
                        Some(quantizer) => quantizer.choose(step),
                        None => self.caps.scale.nearest(step),
                    };
                    let safe = safe.map_or(qp, |safe| self.caps.scale.at_least(safe));
                    (qp.max(safe), 0)
                }
            },
        };
        let qp = asked.max(limits.min_qp).min(limits.max_qp);
        reasons |= match qp.cmp(&asked) {
            Ordering::Greater => reason::MIN_QP,
            Ordering::Less => reason::MAX_QP,
            Ordering::Equal => 0,
        };
        if outlook.large {
            reasons |= reason::NEW_CONTENT;
        }
        let step = self.caps.scale.step(qp);
        let predicted = self
            .model(outlook.like, frame.layer)
            .size(step, outlook.activity)
            .exp()
            .saturating_add(frame.header_bits)
            .min(Config::MAX_BITS);

        let action = self.action(config, frame, cookie, &bucket, predicted);
        // Where nothing has a maximum, nothing is worse than what is predicted.
        let worst = if self.caps.hard_max && self.outstanding() > 1 {
            let open = self.cycle.before(cookie);
            self.worst(open, drained, due).fill
        } else {
            bucket.fill
        };
        let (max_bits, bits) = match action {
            Action::Encode => {
                let (max_bits, raised) = self.max_bits(config, frame, worst);
                if raised {
                    reasons |= reason::FLOOR;
                }
                let bits = match max_bits {
                    max if max != 0 && self.caps.hard_max => predicted.min(max),
                    _ => predicted,
                };
                (max_bits, bits)
            }
            Action::Skip => {
                reasons |= reason::CPB_FULL;
                let bits = u64::from(self.caps.skip_bits).saturating_add(frame.header_bits);
                (0, bits.min(Config::MAX_BITS))
            }
        };
        self.ring.put(
            cookie,
            Pending {
                drained,
                due,
                bits,
                header_bits: u32::try_from(frame.header_bits).unwrap_or(u32::MAX),
                max_bits: if self.caps.hard_max { max_bits } else { 0 },
                step,
                activity: outlook.activity,
                frame_type: frame.frame_type,
                like: outlook.like,
                layer: frame.layer,
                flags: Pending::flag(Pending::KNOWN, action == Action::Skip)
                    | Pending::flag(
                        Pending::TEACHES,
                        action == Action::Encode && frame.fixed_qp.is_none(),
                    )
                    | Pending::flag(Pending::ANALYSED, frame.analysis.is_some())
                    | Pending::flag(Pending::FAR, outlook.far)
                    | Pending::flag(Pending::AT_MIN, qp <= limits.min_qp)
                    | Pending::flag(
                        Pending::DROPPABLE,
                        !frame.undroppable && frame.frame_type == FrameType::P,
                    )
                    | Pending::flag(Pending::REFERENCE, frame.reference)
                    | Pending::flag(Pending::SKIPPED, action == Action::Skip),
            },
        );
        self.first = false;
        self.repainted =
            outlook.large && frame.frame_type == FrameType::P && action == Action::Encode;
        Ok(Decision {
            cookie,
            action,
            qp,
            min_qp: limits.min_qp.min(limits.max_qp),
            max_qp: limits.max_qp,
            target_bits: match max_bits {
                0 => target,
                max => target.min(max),
            },
            max_bits,
            predicted_bits: bits,
            fill: if self.plan.rate != 0 { bucket.fill } else { 0 },
            reasons,
        })
    }

    /// Time passes until a picture, a fraction of seconds: what leaves the bucket, and what is due.
    fn elapse(&mut self, (num, den): (u64, u64)) -> (u64, u64) {
        if self.plan.rate == 0 {
            // Nothing waits, and nothing is owed, where there is no rate.
            return (u64::MAX, u64::MAX);
        }
        if self.first {
            return (0, 0);
        }
        let drained = self.out.step(self.plan.peak, num, den);
        let due = if self.plan.rate == self.plan.peak {
            drained
        } else {
            self.due.step(self.plan.rate, num, den)
        };
        // Pictures that come at another pace than the configuration says have other sizes. One
        // that comes late may come after a pause.
        if due != self.pace {
            let last = due.min(self.pace.saturating_mul(2));
            let change = signed(last).saturating_sub(signed(self.pace)) >> 2;
            self.pace = self.pace.saturating_add_signed(change).max(1);
        }
        (drained, due)
    }

    /// Judges a coded picture.
    pub fn end(&mut self, cookie: Cookie, outcome: &Outcome) -> Result<Judgement, Error> {
        self.cycle.may_end(cookie)?;
        let config = self.config.as_ref().ok_or(Error::Unconfigured)?;
        if outcome.bits > Config::MAX_BITS || outcome.header_bits > outcome.bits {
            return Err(Error::Invalid);
        }
        self.cycle.end(cookie)?;
        let picture = self.ring.get(cookie);
        let flags =
            Pending::KNOWN | Pending::flag(Pending::AT_MIN, self.is_still(picture, outcome.bits));
        self.ring.know(cookie, outcome.bits, flags);

        let picture = self.ring.get(cookie);
        let mut bucket = self.bucket;
        picture.apply(&mut bucket, &self.plan.savings);
        let violation = self.plan.violation(&bucket);
        let may_skip = config.max_skips == 0 || self.skips < config.max_skips;
        let late = bucket.fill > self.plan.promise;
        let full = bucket.fill > self.plan.skip_limit;
        let unwanted = (config.strict && (violation != 0 || (late && may_skip)))
            || (config.skip != SkipMode::Disabled && full && may_skip);
        let verdict = if !unwanted
            || !picture.is(Pending::DROPPABLE)
            || picture.is(Pending::SKIPPED)
            || !self.cycle.is_last(cookie)
        {
            Verdict::Keep
        } else if self.caps.post_skip {
            Verdict::ReplaceBySkip
        } else if self.caps.post_drop && !picture.is(Pending::REFERENCE) {
            Verdict::Drop
        } else {
            Verdict::Keep
        };
        let idles = config.filler && self.caps.filler && verdict != Verdict::Drop;
        let skipped = picture.is(Pending::SKIPPED);
        // What it teaches is of use if what was learned since is in the same terms.
        let teaches =
            picture.is(Pending::TEACHES) && picture.is(Pending::ANALYSED) == self.analysed;
        if teaches && outcome.forced_skips == 0 {
            self.learn(cookie, outcome, verdict);
        }
        if verdict == Verdict::Keep && !skipped {
            self.missed = false;
            self.skips = 0;
        } else {
            self.missed |= verdict != Verdict::Keep;
            self.skips = self.skips.saturating_add(1);
        }
        // The channel idles when it has less than an interval to send. What takes the place of a
        // picture counts against the filler data.
        let without = match verdict {
            Verdict::Keep => bucket.fill,
            Verdict::ReplaceBySkip | Verdict::Drop => bucket.fill.saturating_sub(outcome.bits),
        };
        let idle = if idles {
            self.plan.share.min(self.plan.cpb).saturating_sub(without)
        } else {
            0
        };
        let room = Config::MAX_BITS.saturating_sub(outcome.bits) & !7;
        let filler_bytes = filler_bytes(idle.min(room));
        let fill = match verdict {
            _ if self.plan.rate == 0 => 0,
            Verdict::Keep => bucket.fill.saturating_add(filler_bytes.saturating_mul(8)),
            Verdict::ReplaceBySkip | Verdict::Drop => bucket.fill,
        };
        self.last_ended = (verdict, violation != 0);
        Ok(Judgement {
            verdict,
            filler_bytes,
            violation_bits: violation,
            fill,
            delay_ns: self.plan.delay_ns(fill),
        })
    }

    /// The verdict has been carried out: so many bits are sent in the end, filler included.
    pub fn commit(&mut self, cookie: Cookie, bits: u64) -> Result<State, Error> {
        if bits > Config::MAX_BITS {
            return Err(Error::Invalid);
        }
        self.cycle.commit(cookie)?;
        self.close(cookie, bits);
        self.started = true;
        Ok(self.state())
    }

    /// The verdict on the picture that was committed last was not carried out: it was sent.
    pub(super) fn keep(&mut self) {
        self.missed = false;
        self.skips = 0;
    }

    /// The picture will not be. Its time passes nevertheless.
    pub fn cancel(&mut self, cookie: Cookie) -> Result<(), Error> {
        let judged = self.cycle.has_ended(cookie);
        self.cycle.cancel(cookie)?;
        self.close(cookie, 0);
        // What was coded is not sent: the next one has its content to bring.
        self.missed |= judged;
        self.repainted = false;
        if !self.started && self.outstanding() == 0 {
            // The stream starts with the next one.
            self.first = true;
            self.bucket.fill = self.plan.initial_fill;
        }
        Ok(())
    }

    fn close(&mut self, cookie: Cookie, bits: u64) {
        let mut picture = *self.ring.get(cookie);
        picture.bits = bits;
        let savings = self.savings();
        picture.apply(&mut self.bucket, &savings);
        let layer = usize::from(picture.layer);
        if let (Some(debt), Some(&share)) = (
            self.layer_debts.get_mut(layer),
            self.plan.layer_shares.get(layer),
        ) {
            // A picture of a layer pays for as long as its layer is apart.
            let due = mul_div(picture.due, share, self.plan.share.max(1));
            let limit = signed(share.saturating_mul(16));
            *debt = debt
                .saturating_add(signed(bits))
                .saturating_sub(signed(due))
                .clamp(limit.saturating_neg(), limit);
        }
    }

    /// A new stream starts, with the same configuration.
    pub fn reset(&mut self) {
        // They were in range before.
        let _ = self.restart(self.caps);
    }

    /// A new stream starts, with the same configuration and what the hardware can do for it.
    pub fn restart(&mut self, caps: Capabilities) -> Result<(), Error> {
        let mut new = Self::new(caps)?;
        new.cycle = self.cycle;
        new.cycle.reset();
        if let Some(config) = self.config {
            new.configure(&config)?;
        }
        *self = new;
        Ok(())
    }

    /// The pictures that have begun and not closed.
    pub fn outstanding(&self) -> u64 {
        self.cycle.outstanding()
    }

    /// How many pictures in a row are skipped right before this one, as far as is known.
    pub(super) fn skips_before(&self, cookie: Cookie) -> u32 {
        self.cycle
            .before(cookie)
            .filter(|&cookie| !self.cycle.has_ended(cookie))
            .fold(self.skips, |skips, cookie| {
                if self.skipped(cookie) {
                    skips.saturating_add(1)
                } else {
                    0
                }
            })
    }

    /// Whether a picture that has begun, or closed last, only skips by decision.
    pub(super) fn skipped(&self, cookie: Cookie) -> bool {
        self.ring.get(cookie).is(Pending::SKIPPED)
    }

    /// Where the session is, with the pictures that have closed.
    pub fn state(&self) -> State {
        State {
            fill: self.bucket.fill,
            cpb: self.plan.cpb,
            debt: self.bucket.debt,
            violation_bits: self.plan.violation(&self.bucket),
            delay_ns: self.plan.delay_ns(self.bucket.fill),
        }
    }
}

/// The time from one picture to the next in seconds, as a fraction.
fn interval(config: &Config, frame: &FrameIn) -> (u64, u64) {
    match frame.interval_ns {
        ns if config.hrd => hrd::time(config, ns),
        0 => (u64::from(config.interval.0), u64::from(config.interval.1)),
        ns => (ns, 1_000_000_000),
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
