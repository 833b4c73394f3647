// SPDX-License-Identifier: GPL-2.0

//! A session: what a driver has for each of its streams.
//!
//! A [`Controller`] decides. Around it are what can be called before a stream starts, what a
//! stream tells decoders, and counters.

use super::{
    config::{
        Capabilities,
        Config,
        Mode,
        SkipMode, //
    },
    controller::Controller,
    cycle::{
        Cookie,
        Cycle, //
    },
    error::Error,
    frame::{
        Decision,
        FrameIn,
        Judgement,
        Outcome,
        State,
        Verdict, //
    },
    hrd::{
        self,
        Clock,
        Removal, //
    },
    plan::Plan,
    scale::Scale,
    takeover::{
        Budget,
        Clamped,
        Proposal, //
    },
};

/// What has become of the pictures since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Committed.
    pub frames: u64,
    /// Bits of those.
    pub bits: u64,
    /// Those that only skip.
    pub skipped: u64,
    /// Those without an access unit.
    pub dropped: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// Kept, and in violation of the CPB.
    pub violations: u64,
}

impl Counts {
    const NONE: Self = Self {
        frames: 0,
        bits: 0,
        skipped: 0,
        dropped: 0,
        cancelled: 0,
        violations: 0,
    };
}

/// What is decided about a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// How to code it.
    pub decision: Decision,
    /// Size of the CPB, where there is one.
    pub cpb: Option<u64>,
    /// What it tells decoders, where it does.
    pub removal: Option<Removal>,
}

/// A change of what decoders are told, by an IDR picture that is not in the stream yet.
#[derive(Clone, Copy, Debug)]
struct Change {
    cookie: Cookie,
    /// The configuration that it put an end to.
    replaced: Config,
    /// What was owed then went by another budget.
    rebase: bool,
}

/// A session.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    scale: Scale,
    controller: Option<Controller>,
    config: Option<Config>,
    /// All that another controller can give it of that, where it has a rate.
    all: Option<Budget>,
    /// What another controller lets it use.
    budget: Option<Budget>,
    /// The controller does not have `config` and `budget` yet.
    changed: bool,
    /// What was saved and owed goes by another budget than the one of `config` and `budget`.
    rebase: bool,
    /// Counts how often capabilities and configuration have changed.
    version: u64,
    clock: Clock,
    change: Option<Change>,
    /// Of the IDR pictures that have begun and not closed: the ticks of the buffering period before,
    /// found by cookies.
    periods: [Option<u32>; Cycle::MAX_OUTSTANDING as usize],
    counts: Counts,
}

impl Session {
    /// Neither started nor configured.
    pub const fn new(scale: Scale) -> Self {
        Self {
            scale,
            controller: None,
            config: None,
            all: None,
            budget: None,
            changed: false,
            rebase: false,
            version: 0,
            clock: Clock::NEW,
            change: None,
            periods: [None; Cycle::MAX_OUTSTANDING as usize],
            counts: Counts::NONE,
        }
    }

    /// The scale of its QPs.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// The configuration that was set last.
    pub fn config(&self) -> Option<Config> {
        self.config
    }

    /// A stream starts, with this hardware.
    pub fn start(&mut self, caps: Capabilities) -> Result<(), Error> {
        if caps.scale != self.scale {
            return Err(Error::Invalid);
        }
        match &mut self.controller {
            Some(controller) => controller.restart(caps)?,
            None => {
                self.controller = Some(Controller::new(caps)?);
                self.changed = true;
            }
        }
        self.version = self.version.wrapping_add(1);
        self.forget();
        Ok(())
    }

    /// A stream starts, with what there was before.
    pub fn reset(&mut self) {
        if let Some(controller) = &mut self.controller {
            controller.reset();
        }
        self.forget();
    }

    fn forget(&mut self) {
        self.clock = Clock::NEW;
        self.change = None;
        self.periods = [None; Cycle::MAX_OUTSTANDING as usize];
        self.counts = Counts::NONE;
    }

    /// Sets what applies to the pictures that begin from now on.
    pub fn configure(&mut self, config: &Config) -> Result<(), Error> {
        if self.config.as_ref() == Some(config) {
            return Ok(());
        }
        config.check(self.scale)?;
        self.config = Some(*config);
        self.all = Budget::of(config);
        // What another controller gave was a part of what there was before.
        self.budget = None;
        self.changed = true;
        self.version = self.version.wrapping_add(1);
        Ok(())
    }

    /// Gives the controller the configuration, if there is a new one that it may have now; returns
    /// the one that this puts an end to.
    fn apply(&mut self, frame: &FrameIn) -> Result<Option<Config>, Error> {
        if !self.changed {
            return Ok(None);
        }
        let (Some(controller), Some(config)) = (&mut self.controller, &self.config) else {
            return Err(Error::Unconfigured);
        };
        let before = controller.config;
        let config = &self.budget.map_or(*config, |budget| budget.apply(config));
        // One change at a time can be taken back.
        let may_tell = frame.idr && self.change.is_none();
        let told = before.filter(|before| !may_tell && !controller.first && tells(before));
        if let Some(before) = told.filter(|before| !same_story(before, config)) {
            let meanwhile = meanwhile(&before, config);
            if meanwhile != before {
                controller.configure(&meanwhile)?;
            }
            return Ok(None);
        }
        controller.configure(config)?;
        self.changed = false;
        // One that was taken back before it counted changes nothing.
        let same = before.is_some_and(|before| Budget::of(&before) == Budget::of(config));
        if core::mem::take(&mut self.rebase) && !same {
            controller.rebase();
        }
        Ok(before)
    }

    /// Bits a second that drain the CPB as it is configured, where there is one.
    pub fn drain(&self) -> Option<u64> {
        self.config
            .as_ref()
            .map(Plan::of)
            .filter(|plan| plan.rate != 0)
            .map(|plan| plan.peak)
    }

    /// Counts how often capabilities and configuration have changed.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What the stream is configured with: the configuration, and how much of it another
    /// controller can give it.
    pub fn configured(&self) -> Option<(&Config, Option<Budget>)> {
        self.config.as_ref().map(|config| (config, self.all))
    }

    /// Another controller gives the stream a part of what it is configured with; or it is gone.
    ///
    /// Returns what it has from now on.
    pub fn set_budget(&mut self, budget: Option<Budget>) -> Option<Budget> {
        let all = self.all?;
        let budget = budget
            .map(|budget| budget.within(&all))
            .filter(|budget| *budget != all);
        if budget != self.budget {
            self.budget = budget;
            self.changed = true;
            self.rebase = true;
        }
        Some(budget.unwrap_or(all))
    }

    /// How much of what it is configured with the stream can use, where it has a rate.
    pub fn budget(&self) -> Option<Budget> {
        self.budget.or(self.all)
    }

    /// Another controller decides anew about the picture that has begun last.
    pub fn take_over(
        &mut self,
        frame: &FrameIn,
        begun: &Begun,
        theirs: &Proposal,
    ) -> (Begun, Clamped) {
        let mut taken = *begun;
        let mut clamped = Clamped::default();
        let frame = self.counted(frame);
        if let Some(controller) = &mut self.controller {
            (taken.decision, clamped) = controller.take_over(&frame, &begun.decision, theirs);
        }
        (taken, clamped)
    }

    /// The other controller is gone.
    pub fn take_back(&mut self) {
        self.set_budget(None);
        if let Some(controller) = &mut self.controller {
            controller.rebase();
        }
    }

    /// The built-in controller.
    pub fn built_in(&self) -> Option<&Controller> {
        self.controller.as_ref()
    }

    /// A picture as the controller counts with it while a configuration waits.
    fn counted(&self, frame: &FrameIn) -> FrameIn {
        let counts = self
            .controller
            .as_ref()
            .and_then(|controller| controller.config.as_ref());
        // A configuration that still waits may have more layers than the one that counts.
        let highest = counts.map_or(0, |config| config.layers.saturating_sub(1));
        FrameIn {
            layer: frame.layer.min(highest),
            // Who decides about the QP is not for decoders to know.
            fixed_qp: frame.fixed_qp.or_else(|| {
                let config = self.config.as_ref().filter(|_| self.changed)?;
                let limits = config.limits(frame.frame_type);
                (config.mode == Mode::Fixed).then_some(limits.fixed_qp)
            }),
            ..*frame
        }
    }

    /// Decides how to code a picture.
    pub fn begin(&mut self, frame: &FrameIn) -> Result<Begun, Error> {
        if self.changed {
            self.begin_changed(frame)
        } else {
            self.begin_counted(frame)
        }
    }

    /// The same where the controller does not have the configuration yet: apart, as it is rare
    /// and moves whole configurations about.
    #[cold]
    fn begin_changed(&mut self, frame: &FrameIn) -> Result<Begun, Error> {
        let layers = self.config.as_ref().map(|config| config.layers);
        if layers.is_some_and(|layers| frame.layer >= layers) {
            return Err(Error::Invalid);
        }
        let rebase = self.rebase;
        let replaced = self.apply(frame)?.filter(tells);
        let begun = self.begin_counted(&self.counted(frame));
        match (&begun, replaced, &mut self.controller) {
            (Err(_), Some(replaced), Some(controller)) => {
                // What the picture would have told decoders is still to be told, and was valid
                // before.
                let _ = controller.configure(&replaced);
                self.changed = true;
                self.rebase = rebase;
            }
            (Ok(begun), Some(replaced), _) if frame.idr => {
                let cookie = begun.decision.cookie;
                self.change = Some(Change {
                    cookie,
                    replaced,
                    rebase,
                });
            }
            _ => (),
        }
        begun
    }

    /// Decides about a picture as the controller counts with it.
    fn begin_counted(&mut self, frame: &FrameIn) -> Result<Begun, Error> {
        let controller = self.controller.as_mut().ok_or(Error::Unconfigured)?;
        // Used where it is: `?` would copy it.
        let decision = controller.begin(frame);
        let decision = decision.as_ref().map_err(|&error| error)?;
        let config = controller.config.as_ref().ok_or(Error::Unconfigured)?;
        let delay = self.clock.advance(config, frame.interval_ns, frame.idr);
        if let Some(period) = period(&mut self.periods, decision.cookie) {
            *period = frame.idr.then_some(delay);
        }
        let plan = &controller.plan;
        let has_cpb = plan.rate != 0;
        Ok(Begun {
            decision: *decision,
            cpb: has_cpb.then_some(plan.cpb),
            removal: (has_cpb && config.hrd).then(|| Removal::of(plan, decision, delay)),
        })
    }

    /// The controller of a picture that has begun.
    fn controller(&mut self) -> Result<&mut Controller, Error> {
        self.controller.as_mut().ok_or(Error::Invalid)
    }

    /// Judges a coded picture.
    pub fn end(&mut self, cookie: Cookie, outcome: &Outcome) -> Result<Judgement, Error> {
        self.controller()?.end(cookie, outcome)
    }

    /// The verdict has been carried out: so many bits are sent in the end, filler included.
    pub fn commit(&mut self, cookie: Cookie, bits: u64) -> Result<State, Error> {
        let controller = self.controller()?;
        controller.commit(cookie, bits)?;
        let state = shown(controller);
        let (verdict, violates) = controller.last_ended;
        let decided = controller.skipped(cookie);
        // Who cannot carry out a verdict says so by the size.
        let picture = controller.ring.get(cookie);
        let sent = bits == picture.bits;
        // One that is nothing but skips has the size of what takes its place.
        let skip = u64::from(controller.caps.skip_bits).saturating_add(picture.header_bits.into());
        if verdict != Verdict::Keep && sent && bits > skip {
            controller.keep();
        }
        let replaced = verdict == Verdict::ReplaceBySkip && !sent;
        let skipped = decided || replaced;
        let idr = period(&mut self.periods, cookie).and_then(Option::take);
        if idr.is_some() && self.change.is_some_and(|change| change.cookie <= cookie) {
            self.change = None;
        }
        let counts = &mut self.counts;
        counts.frames = counts.frames.wrapping_add(1);
        counts.bits = counts.bits.wrapping_add(bits);
        let count = match bits {
            0 => &mut counts.dropped,
            _ if skipped => &mut counts.skipped,
            _ if violates => &mut counts.violations,
            _ => return Ok(state),
        };
        *count = count.wrapping_add(1);
        Ok(state)
    }

    /// The picture will not be. Its time passes nevertheless.
    pub fn cancel(&mut self, cookie: Cookie) -> Result<(), Error> {
        let controller = self.controller()?;
        controller.cancel(cookie)?;
        let open = controller.cycle.open();
        self.counts.cancelled = self.counts.cancelled.wrapping_add(1);
        let Some(ticks) = period(&mut self.periods, cookie).and_then(Option::take) else {
            return Ok(());
        };
        for later in open {
            // One that comes with an SPS of its own: the periods before it are one now.
            if let Some(Some(period)) = period(&mut self.periods, later) {
                *period = period.wrapping_add(ticks);
                return Ok(());
            }
        }
        self.clock.undo_idr(ticks);
        if let Some(change) = self.change.take() {
            // It was valid before.
            let _ = self.controller()?.configure(&change.replaced);
            self.changed = true;
            self.rebase |= change.rebase;
        }
        Ok(())
    }

    /// Where the session is, with the pictures that have closed; nowhere before it starts.
    pub fn state(&self) -> Option<State> {
        self.controller.as_ref().map(shown)
    }

    /// The pictures that have begun and not closed.
    pub fn outstanding(&self) -> u64 {
        self.controller.as_ref().map_or(0, Controller::outstanding)
    }

    /// What has become of the others.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Size of the CPB, where there is one.
    pub fn cpb(&self) -> Option<u64> {
        self.controller
            .as_ref()
            .map(|controller| &controller.plan)
            .filter(|plan| plan.rate != 0)
            .map(|plan| plan.cpb)
    }
}

/// The place of a picture that has begun.
fn period(
    periods: &mut [Option<u32>; Cycle::MAX_OUTSTANDING as usize],
    cookie: Cookie,
) -> Option<&mut Option<u32>> {
    periods.get_mut((cookie % Cycle::MAX_OUTSTANDING) as usize)
}

/// The state of a controller; without a CPB there is nothing in it.
fn shown(controller: &Controller) -> State {
    let state = controller.state();
    if controller.plan.rate != 0 {
        state
    } else {
        State {
            fill: 0,
            cpb: 0,
            debt: 0,
            violation_bits: 0,
            ..state
        }
    }
}

/// Whether the stream tells decoders about a CPB.
fn tells(config: &Config) -> bool {
    hrd::told(config).is_some()
}

/// What applies while a configuration waits: decoders count with what they have been told, but the
/// QPs and what is skipped are no business of theirs.
fn meanwhile(told: &Config, waits: &Config) -> Config {
    let off = waits.mode == Mode::Fixed;
    Config {
        i: waits.i,
        p: waits.p,
        initial_qp: waits.initial_qp,
        quality: waits.quality,
        strict: waits.strict && !off,
        skip: if off { SkipMode::Disabled } else { waits.skip },
        max_skips: waits.max_skips,
        level_cpb_bits: waits.level_cpb_bits,
        content: waits.content,
        intra_safe: waits.intra_safe,
        ..*told
    }
}

/// Whether two configurations tell decoders the same.
fn same_story(a: &Config, b: &Config) -> bool {
    let story = |config: &Config| {
        let plan = Plan::of(config);
        (
            config.hrd,
            plan.peak,
            plan.cpb,
            config.interval,
            config.low_delay,
            config.filler,
        )
    };
    story(a) == story(b)
}

#[cfg(any(test, CONFIG_KUNIT = "y"))]
#[cfg_attr(not(test), super::kunit_tests(v4l2_rc_session))]
mod tests {
    use super::{super::frame::FrameType, *};

    const CAPS: Capabilities = Capabilities {
        scale: Scale::Qp51,
        macroblocks: 920,
        intra_floor_q8: 8 << 8,
        hard_max: false,
        post_skip: true,
        post_drop: false,
        filler: false,
        skip_bits: 200,
    };
    const CONFIG: Config = Config::cbr(Scale::Qp51, 1_000_000, 1, 25);
    const P: FrameIn = FrameIn::new(FrameType::P);
    const IDR: FrameIn = FrameIn {
        idr: true,
        ..FrameIn::new(FrameType::I)
    };

    fn session(config: &Config) -> Session {
        let mut session = Session::new(Scale::Qp51);
        session.start(CAPS).unwrap();
        session.configure(config).unwrap();
        session
    }

    fn code(session: &mut Session, frame: &FrameIn, bits: u64) -> Begun {
        let begun = session.begin(frame).unwrap();
        let outcome = Outcome {
            bits,
            header_bits: 0,
            mean_qp_q8: None,
            forced_skips: 0,
        };
        let cookie = begun.decision.cookie;
        let judgement = session.end(cookie, &outcome).unwrap();
        let sent = match judgement.verdict {
            Verdict::Keep => bits,
            _ => 200,
        };
        session.commit(cookie, sent).unwrap();
        begun
    }

    #[test]
    fn it_needs_hardware_and_a_configuration() {
        let mut session = Session::new(Scale::Qp51);
        assert_eq!(session.begin(&IDR).err(), Some(Error::Unconfigured));
        assert_eq!(session.cancel(1), Err(Error::Invalid));
        assert!(session.state().is_none() && session.cpb().is_none());
        session.configure(&CONFIG).unwrap();
        assert_eq!(session.begin(&IDR).err(), Some(Error::Unconfigured));
        session.start(CAPS).unwrap();
        assert!(session.begin(&IDR).is_ok());
        assert_eq!(session.cpb(), Some(1_000_000));
        let other = Capabilities {
            scale: Scale::Index127,
            ..CAPS
        };
        assert_eq!(session.start(other), Err(Error::Invalid));
    }

    #[test]
    fn a_start_forgets_the_pictures() {
        let mut session = session(&CONFIG);
        code(&mut session, &IDR, 40_000);
        let open = session.begin(&P).unwrap().decision.cookie;
        assert_eq!((session.outstanding(), session.counts().frames), (1, 1));
        session.start(CAPS).unwrap();
        assert_eq!(session.cancel(open), Err(Error::Stale));
        assert_eq!((session.outstanding(), session.counts().frames), (0, 0));
        // The configuration stays.
        assert!(session.begin(&IDR).unwrap().decision.cookie > open);
    }

    #[test]
    fn pictures_are_counted() {
        let small = Config {
            cpb_bits: 50_000,
            strict: true,
            ..CONFIG
        };
        let mut session = session(&small);
        code(&mut session, &IDR, 40_000);
        code(&mut session, &P, 40_000);
        // Too large: it is replaced.
        code(&mut session, &P, 90_000);
        // Too large, and nothing takes its place.
        code(&mut session, &IDR, 90_000);
        let cookie = session.begin(&P).unwrap().decision.cookie;
        session.cancel(cookie).unwrap();
        let expected = Counts {
            frames: 4,
            bits: 170_200,
            skipped: 1,
            dropped: 0,
            cancelled: 1,
            violations: 1,
        };
        assert_eq!(session.counts(), &expected);
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let off = Config {
            mode: super::super::config::Mode::Fixed,
            skip: super::super::config::SkipMode::Buffer,
            ..CONFIG
        };
        let mut session = session(&off);
        for n in 0..100 {
            // Together much more than any CPB has.
            let begun = code(&mut session, if n == 0 { &IDR } else { &P }, 1 << 39);
            assert_eq!((begun.decision.fill, begun.cpb), (0, None));
        }
        let counts = session.counts();
        assert_eq!((counts.skipped, counts.violations), (0, 0));
        assert_eq!(
            session.state().map(|state| (state.fill, state.debt)),
            Some((0, 0))
        );
        code(&mut session, &P, 40_000);
        // A rate starts with what is on its way then.
        session.configure(&CONFIG).unwrap();
        let begun = code(&mut session, &P, 40_000);
        assert!(begun.decision.fill <= 40_000);
    }

    #[test]
    fn what_decoders_are_told_changes_with_an_idr_picture() {
        let told = Config {
            hrd: true,
            ..CONFIG
        };
        let mut session = session(&told);
        let begun = code(&mut session, &IDR, 40_000);
        assert_eq!(begun.removal.unwrap().initial_delay, 90_000);
        let faster = Config {
            bitrate: 2_000_000,
            ..told
        };
        session.configure(&faster).unwrap();
        let begun = code(&mut session, &P, 40_000);
        assert_eq!(begun.removal.unwrap().bit_rate, 1_000_000);
        assert_eq!(begun.removal.unwrap().delay, 2);
        // An IDR picture that never is tells nothing.
        let begun = session.begin(&IDR).unwrap();
        assert_eq!(begun.removal.unwrap().bit_rate, 2_000_000);
        session.cancel(begun.decision.cookie).unwrap();
        let begun = code(&mut session, &P, 40_000);
        assert_eq!(begun.removal.unwrap().bit_rate, 1_000_000);
        assert_eq!(begun.removal.unwrap().delay, 6);
        let begun = code(&mut session, &IDR, 40_000);
        assert_eq!(begun.removal.unwrap().bit_rate, 2_000_000);
        assert_eq!(begun.removal.unwrap().delay, 8);
        let begun = code(&mut session, &P, 40_000);
        assert_eq!(begun.removal.unwrap().delay, 2);
        // Other parameters apply at once.
        let coarse = Config {
            p: super::super::config::Limits {
                min_qp: 50,
                ..faster.p
            },
            ..faster
        };
        session.configure(&coarse).unwrap();
        assert!(code(&mut session, &P, 4_000).decision.qp >= 50);
        // Without a CPB there is nothing to tell.
        let off = Config {
            mode: super::super::config::Mode::Fixed,
            ..coarse
        };
        session.configure(&off).unwrap();
        assert!(code(&mut session, &P, 4_000).removal.is_some());
        let begun = code(&mut session, &IDR, 4_000);
        assert!(begun.removal.is_none() && begun.cpb.is_none());
    }

    #[test]
    fn a_picture_that_cannot_begin_tells_nothing() {
        let told = Config {
            hrd: true,
            ..CONFIG
        };
        let mut session = session(&told);
        code(&mut session, &IDR, 40_000);
        session
            .configure(&Config {
                bitrate: 2_000_000,
                ..told
            })
            .unwrap();
        let impossible = FrameIn { layer: 9, ..IDR };
        assert_eq!(session.begin(&impossible).err(), Some(Error::Invalid));
        let begun = code(&mut session, &P, 40_000);
        assert_eq!(begun.removal.unwrap().bit_rate, 1_000_000);
    }
}
