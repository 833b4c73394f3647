// SPDX-License-Identifier: GPL-2.0

//! A job: from two buffers and the controls to a picture for the hardware, and back.

use crate::{
    context::Encoder,
    hw::{
        Count,
        Done,
        Work, //
    },
    pure::{
        adapt::{
            self,
            Abilities, //
        },
        dpb::{
            Asked,
            Plan,
            MAX_DPB_FRAMES, //
        },
        encode_references::EncodeReferences,
        filler,
        hrd::Timing,
        in_frame::InFrame,
        measure::{
            Measured,
            Measurement, //
        },
        params::{
            Invalid,
            SLICE_TYPE_I, //
        },
        picture::{
            Capabilities,
            Completion,
            Output,
            PictureJob,
            Source, //
        },
        row_plan::{
            Decided,
            Wanted, //
        },
        sets::{
            Due,
            Written, //
        },
        slice::Picture,
        units::{
            self,
            Saved,
            Unit,
            Units, //
        }, //
    },
    references::{
        Activation,
        Conclusion,
        Pending,
        Stream, //
    },
    settings::{
        Parameters,
        Settings, //
    },
    stats::Coded,
    trace,
    uapi::Stats, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use media::{
    m2m::{
        Job,
        PictureType,
        State, //
    },
    rate_control::{
        Action,
        Analysis,
        Frame,
        FrameInfo,
        FrameType, //
    },
    videobuf2::Direction, //
};

/// Bytes of the headers of an access unit.
const HEADER_BYTES: usize = 512;
/// NAL units of an access unit before its slices.
const UNITS: usize = Capabilities::OTHER_UNITS as usize;

/// Runs a job. It ends in [`finish`], at once if it cannot be started.
pub(crate) fn run(job: Job<Encoder>) {
    match prepare(&job) {
        Ok(prepared) => match prepared.measurement() {
            Some(measurement) => measure(job, prepared, &measurement),
            None => start(job, prepared, None),
        },
        Err(error) => refuse(job, error),
    }
}

/// Has the source of a picture measured. What comes of it goes to [`start`].
fn measure(job: Job<Encoder>, prepared: KBox<Prepared>, measurement: &Measurement) {
    let hardware = job.context().device().hardware().clone();
    job.context().stream.lock().measure(prepared);
    if let Err((error, job)) = hardware.submit(&Work::Measurement(measurement), job) {
        refuse(job, error);
    }
}

/// Has a picture coded.
fn start(job: Job<Encoder>, prepared: KBox<Prepared>, measured: Option<&Measured>) {
    match begin(&job, prepared, measured) {
        Ok((coding, Action::Encode)) => submit(job, &coding, Some(coding.source)),
        Ok((coding, Action::Skip)) => submit(job, &coding, None),
        Err(error) => refuse(job, error),
    }
}

/// Ends a job that cannot be started.
fn refuse(job: Job<Encoder>, error: Error) {
    job.context().device().hardware().count(Count::Refused);
    fail(job, error);
}

/// Gives a picture to the hardware; without a source, one that only skips.
fn submit(job: Job<Encoder>, coding: &Coding, source: Option<Source>) {
    let hardware = job.context().device().hardware().clone();
    let (mut bytes, mut entries) = ([0; HEADER_BYTES], [Unit::EMPTY; UNITS]);
    let units = coding.units.units(&mut bytes, &mut entries);
    trace::picture(&job, &coding.picture, coding.qp);
    let picture_job = coding.picture_job(source, &units);
    if let Err((error, job)) = hardware.submit(&Work::Picture(&picture_job), job) {
        refuse(job, error);
    }
}

/// Goes on with a job after the hardware is done with what it was asked for.
pub(crate) fn finish(job: Job<Encoder>, outcome: Result<Done>) {
    match outcome {
        Ok(Done::Measured(measured)) => {
            let prepared = job.context().stream.lock().measured();
            match prepared {
                Ok(prepared) => start(job, prepared, Some(&measured)),
                Err(error) => fail(job, error),
            }
        }
        Ok(Done::Coded(completion)) => end(job, Ok(completion)),
        Err(error) => end(job, Err(error)),
    }
}

/// Ends a job with what became of its picture, or has another one coded in its place.
fn end(mut job: Job<Encoder>, outcome: Result<Completion>) {
    let taken = outcome.as_ref().map(|done| (done.bytes, done.encode_ns));
    let taken = taken.map_err(|error| *error);
    if let (Err(ENOSPC), Ok(capture)) = (taken, job.capture()) {
        job.context().stream.lock().overflow(capture.size);
    }
    match outcome.and_then(|completion| conclude(&mut job, &completion)) {
        Ok(None) => {
            trace::done(&job, taken);
            job.finish(State::Done);
        }
        Ok(Some(coding)) => submit(job, &coding, None),
        Err(error) => fail(job, error),
    }
}

/// Ends a job whose picture was not coded.
fn fail(mut job: Job<Encoder>, error: Error) {
    let program = job.context().stream.lock().cancel();
    trace::done(&job, Err(error));
    *job.data() = Stats::failed(job.timestamp(), job.sequence(), program.as_ref());
    job.finish(State::Error);
}

/// Asks the rate control about a coded picture and makes it part of the stream, or returns it when
/// one that only skips is to take its place.
fn conclude(job: &mut Job<Encoder>, completion: &Completion) -> Result<Option<Arc<Coding>>> {
    let conclusion = job.context().stream.lock().conclude(completion)?;
    let (wanted, coding) = match conclusion {
        Conclusion::Keep { filler, coding } => (filler, coding),
        Conclusion::Replace(coding) => return Ok(Some(coding)),
    };
    let filler_bytes = append_filler(job, completion.bytes, wanted, coding.units.start_codes())?;
    let bytes = completion.bytes.checked_add(filler_bytes).ok_or(EINVAL)?;
    let committed = job.context().stream.lock().commit(bytes.into())?;
    let picture_type = if committed.picture.slice_type == SLICE_TYPE_I {
        PictureType::Key
    } else {
        PictureType::Predicted
    };
    // Neither the hardware nor the filler wrote more than fits.
    job.set_capture(bytes.try_into()?, picture_type)?;
    let coded = Coded {
        timestamp: job.timestamp(),
        sequence: job.sequence(),
        picture: &committed.picture,
        qp: committed.qp,
        skipped: committed.skipped,
        filler_bytes,
        forced_skips: committed.forced_skips,
        frame: &committed.frame,
    };
    *job.data() = Stats::new(&coded, completion);
    Ok(None)
}

/// Appends filler data to an access unit, as far as there is room for it, and returns its size.
fn append_filler(
    job: &mut Job<Encoder>,
    bytes: u32,
    wanted: u64,
    start_codes: bool,
) -> Result<u32> {
    let at = usize::try_from(bytes)?;
    let room = job.capture()?.size.saturating_sub(at);
    let size = filler::size(wanted, room, start_codes);
    if size == 0 {
        return Ok(0);
    }
    match job.write_capture(at, size, |to| filler::write(to, start_codes)) {
        Ok(()) => Ok(size.try_into()?),
        // Memory may be out of the processor's reach. The channel idles then, and the rate control
        // knows.
        Err(_) => Ok(0),
    }
}

/// A picture as it goes to the hardware, and one that only skips in its place.
pub(crate) struct Coding {
    picture: Picture,
    /// With the SPS and PPS that it is coded with.
    parameters: KBox<Parameters>,
    /// QP asked for.
    pub(crate) qp: u8,
    cabac_init_idc: u8,
    slice_rows: u16,
    source: Source,
    /// Those of reference list 0, and then none.
    references: [u64; MAX_DPB_FRAMES],
    reconstruction: Option<u64>,
    output: Output,
    /// Of a source that is coded.
    in_frame: Option<InFrame>,
    /// What comes before the slices.
    units: KBox<Saved<HEADER_BYTES, UNITS>>,
}

impl Coding {
    fn picture_job<'a>(&'a self, source: Option<Source>, units: &'a Units<'a>) -> PictureJob<'a> {
        let count = usize::from(self.picture.num_ref_idx_l0_active);
        PictureJob {
            picture: &self.picture,
            sps: &self.parameters.sps,
            pps: &self.parameters.pps,
            qp: self.qp,
            cabac_init_idc: self.cabac_init_idc,
            slice_rows: self.slice_rows,
            source,
            references: self.references.get(..count).unwrap_or_default(),
            reconstruction: self.reconstruction,
            output: self.output,
            forced_intra: &[],
            in_frame: self.in_frame.as_ref().filter(|_| source.is_some()),
            units,
        }
    }
}

/// A picture to come, as far as it is known before its source is measured.
pub(crate) struct Prepared {
    settings: Settings,
    described: adapt::Stream,
    plan: Plan,
    sets: ParameterSets,
    slice_rows: u16,
    source: Source,
    /// See [`Coding`].
    references: [u64; MAX_DPB_FRAMES],
    reconstruction: Option<u64>,
    /// Upper bound of everything that is no slice data.
    header_bits: u64,
    /// Its source is measured first: the hardware can, and the rate control wants to know.
    measured: bool,
}

impl Prepared {
    /// What is to be measured, if anything is: sizes are predicted with what is found or without it,
    /// and so it is all pictures that have a rate, or none.
    fn measurement(&self) -> Option<Measurement> {
        let first = self.references.first().copied();
        self.measured.then(|| Measurement {
            size_mbs: (self.described.width_mbs, self.described.height_mbs),
            source: self.source,
            reference: first.filter(|_| self.plan.picture.num_ref_idx_l0_active != 0),
        })
    }
}

/// Validates and adapts the parameters, and plans the picture.
#[inline(never)]
fn prepare(job: &Job<Encoder>) -> Result<KBox<Prepared>> {
    let context = job.context();
    let capabilities = context.device().capabilities();
    let (mut described, source) = {
        let formats = context.formats.lock();
        let address = |plane| job.output(plane).map(|memory| memory.address);
        (formats.stream(), formats.source(capabilities, address)?)
    };
    let size_mbs = (described.width_mbs, described.height_mbs);
    let mut settings = adapted_settings(job, &mut described)?;

    let mut stream = context.stream.lock();
    let plan = stream
        .dpb
        .plan(&Asked {
            params: &settings.params,
            references: &settings.parameters.references,
            sps: &settings.parameters.sps,
            pps: &settings.parameters.pps,
            timestamp: job.timestamp(),
            max_list0: capabilities.list0(),
        })
        .map_err(invalid)?;
    let (references, reconstruction) = addresses(&stream, &plan, size_mbs)?;
    let slice_rows = units::slice_rows(size_mbs, settings.max_slice_mbs, capabilities.slices());
    let sets = ParameterSets::new(&mut stream, &mut settings, &described)?;
    // That of the SPS which the picture is coded with.
    settings
        .rate
        .set_level_cpb(adapt::max_cpb_bits(&settings.parameters.sps));
    stream.rate.configure(&settings.rate)?;
    let picture = &plan.picture;
    let header_bits = header_bits(&stream, &settings, &described, &sets, picture, slice_rows)?;
    let prepared = Prepared {
        measured: capabilities.pre_analysis && settings.rate.has_rate(),
        settings,
        described,
        plan,
        sets,
        slice_rows,
        source,
        references,
        reconstruction,
        header_bits,
    };
    Ok(KBox::new(prepared, GFP_KERNEL)?)
}

/// Asks the rate control how to code a picture, and makes it the one that is being coded.
#[inline(never)]
fn begin(
    job: &Job<Encoder>,
    prepared: KBox<Prepared>,
    measured: Option<&Measured>,
) -> Result<(Arc<Coding>, Action)> {
    let context = job.context();
    let capture = job.capture()?;
    let mut stream = context.stream.lock();
    let info = frame_info(&prepared, capture.size, measured);
    let frame = stream.rate.begin(&info)?;
    let action = frame.action();
    let Prepared {
        mut settings,
        mut described,
        plan,
        mut sets,
        slice_rows,
        source,
        references,
        reconstruction,
        header_bits,
        ..
    } = KBox::into_inner(prepared);
    let picture = plan.picture;
    let coding = (|| {
        let units = units_of(
            &mut stream,
            &mut settings,
            &mut described,
            &mut sets,
            &picture,
            &frame,
        )?;
        let coding = Coding {
            picture,
            qp: frame.qp().try_into()?,
            cabac_init_idc: settings.params.cabac_init_idc,
            slice_rows,
            source,
            references,
            reconstruction,
            output: Output {
                address: capture.address,
                size: capture.size.try_into().unwrap_or(u32::MAX),
            },
            in_frame: in_frame(
                &stream,
                &picture,
                &frame,
                header_bits,
                capture.size,
                (described.width_mbs, described.height_mbs),
                context.device().capabilities(),
            )?,
            units,
            parameters: settings.parameters,
        };
        Ok(Arc::new(coding, GFP_KERNEL)?)
    })();
    let coding = match coding {
        Ok(coding) => coding,
        Err(error) => {
            // It cannot fail for a picture that has begun.
            let _ = stream.rate.cancel(frame);
            return Err(error);
        }
    };
    stream.begin(Pending {
        plan,
        activation: sets.activation,
        pps: coding.parameters.pps,
        due: sets.due,
        frame,
        coding: coding.clone(),
        skipped: action == Action::Skip,
        replaced: false,
        forced_skips: None,
    });
    Ok((coding, action))
}

/// What the hardware is to do about the rate within a picture, whose buffer has `room` bytes.
fn in_frame(
    stream: &Stream,
    picture: &Picture,
    frame: &Frame,
    header_bits: u64,
    room: usize,
    size_mbs: (u16, u16),
    capabilities: &Capabilities,
) -> Result<Option<InFrame>> {
    let (lowest, highest) = frame.qps();
    let decided = Decided {
        qp: frame.qp().try_into()?,
        qps: (lowest.try_into()?, highest.try_into()?),
        predicted_bits: frame.predicted_bits(),
        max_bits: frame.max_bits(),
        buffer_bits: u64::try_from(room)?.saturating_mul(8),
        room: frame.room(),
        header_bits,
        wanted: frame.program_target().map(|target| Wanted {
            bits: target.bits,
            points: target.checkpoints,
        }),
    };
    Ok(decided.plan(stream.shape(picture), size_mbs.1, capabilities))
}

/// What the rate control gets to know of a picture.
fn frame_info(prepared: &Prepared, room: usize, measured: Option<&Measured>) -> FrameInfo {
    let picture = &prepared.plan.picture;
    FrameInfo {
        frame_type: if picture.slice_type == SLICE_TYPE_I {
            FrameType::I
        } else {
            FrameType::P
        },
        idr: picture.idr,
        reference: picture.is_reference(),
        long_term: picture.long_term_reference || !picture.operations.is_empty(),
        ref_distance: prepared.plan.distance,
        header_bits: prepared.header_bits,
        room,
        controls: prepared.settings.frame,
        // A macroblock of a P picture is predicted by whatever suits it better.
        analysis: measured.map(|measured| Analysis {
            inter: measured
                .motion_cost
                .unwrap_or(u64::MAX)
                .min(measured.intra_cost),
            intra: measured.intra_cost,
        }),
    }
}

/// The parameter sets of a picture, and whether they are in the stream with it.
struct ParameterSets {
    /// Of an IDR picture.
    activation: Option<KBox<Activation>>,
    due: Due,
}

impl ParameterSets {
    /// Makes the SPS of `settings` the one that the picture is coded with.
    fn new(
        stream: &mut Stream,
        settings: &mut Settings,
        described: &adapt::Stream,
    ) -> Result<Self> {
        let activation = activation(stream, settings, described)?;
        let written = activation.as_ref().map(|activation| &activation.written);
        let always = settings.parameter_sets_with_idr;
        let due = stream.sets().due(written, &settings.parameters.pps, always);
        Ok(Self { activation, due })
    }
}

/// Returns the most bits that everything but slice data can have.
#[inline(never)]
fn header_bits(
    stream: &Stream,
    settings: &Settings,
    described: &adapt::Stream,
    sets: &ParameterSets,
    picture: &Picture,
    slice_rows: u16,
) -> Result<u64> {
    let hrd = if picture.idr {
        described.hrd
    } else {
        stream.hrd_in_use()
    };
    // What it says is not known yet; its length is.
    let timing = hrd.map(|_| Timing {
        initial_delay: picture.idr.then_some((0, 0)),
        removal_delay: 0,
    });
    let (mut bytes, mut entries) = ([0; HEADER_BYTES], [Unit::EMPTY; UNITS]);
    let mut units = Units::new(&mut bytes, &mut entries, settings.start_codes);
    let Parameters { sps, pps, .. } = &*settings.parameters;
    write_units(settings, described, sets.due, timing.as_ref(), &mut units)
        .and_then(|()| units.header_bits(sps, pps, picture, slice_rows))
        .map_err(not_written)
}

/// Writes what comes before the slices, as the rate control has decided.
#[inline(never)]
fn units_of(
    stream: &mut Stream,
    settings: &mut Settings,
    described: &mut adapt::Stream,
    sets: &mut ParameterSets,
    picture: &Picture,
    frame: &Frame,
) -> Result<KBox<Saved<HEADER_BYTES, UNITS>>> {
    let removal = frame.removal();
    let hrd = if picture.idr {
        let hrd = removal
            .map(|removal| settings.hrd(removal.bit_rate, removal.cpb_bits))
            .transpose()?;
        if hrd != described.hrd {
            described.hrd = hrd;
            *sets = ParameterSets::new(stream, settings, described)?;
        }
        hrd
    } else {
        stream.hrd_in_use()
    };
    let timing = removal.filter(|_| hrd.is_some()).map(|removal| Timing {
        initial_delay: picture.idr.then_some(removal.initial_delay),
        removal_delay: removal.removal_delay,
    });
    let (mut bytes, mut entries) = ([0; HEADER_BYTES], [Unit::EMPTY; UNITS]);
    let mut units = Units::new(&mut bytes, &mut entries, settings.start_codes);
    write_units(settings, described, sets.due, timing.as_ref(), &mut units).map_err(not_written)?;
    let saved = units.save().map_err(|_| ENOSPC)?;
    Ok(KBox::new(saved, GFP_KERNEL)?)
}

/// Returns where the references and the reconstruction of a planned picture are.
fn addresses(
    stream: &Stream,
    plan: &Plan,
    size_mbs: (u16, u16),
) -> Result<([u64; MAX_DPB_FRAMES], Option<u64>)> {
    let address = |slot| stream.reconstruction(slot, size_mbs);
    let mut references = [0; MAX_DPB_FRAMES];
    for (to, slot) in references.iter_mut().zip(plan.list0.iter()) {
        *to = address(slot)?;
    }
    Ok((references, plan.reconstruction.map(address).transpose()?))
}

/// Makes the SPS of `settings` the one that the picture is coded with: that of the last IDR
/// picture, or if it is one itself, the one that it activates.
#[inline(never)]
fn activation(
    stream: &Stream,
    settings: &mut Settings,
    described: &adapt::Stream,
) -> Result<Option<KBox<Activation>>> {
    let sps = &mut settings.parameters.sps;
    if let Some(in_use) = stream.sps_in_use(&settings.params) {
        *sps = *in_use;
        return Ok(None);
    }
    let activation = Activation {
        sps: *sps,
        written: Written::new(sps, described).map_err(invalid)?,
        hrd: described.hrd,
    };
    Ok(Some(KBox::new(activation, GFP_KERNEL)?))
}

/// Reads the controls and adapts the parameter sets to what the hardware can do. The adapted ones
/// become the file's current values; a request keeps those that it asked for.
///
/// What they say about the stream goes to `described`.
fn adapted_settings(job: &Job<Encoder>, described: &mut adapt::Stream) -> Result<Settings> {
    let context = job.context();
    let capabilities = context.device().capabilities();
    let mut values = job.values();
    let mut settings = Settings::read(&values)?;
    if context.is_imported(Direction::Capture) {
        // Nothing is written there but by the hardware, and then the stream must not say that bits
        // come all the time.
        settings.rate.forbid_filler();
    }
    described.sample_aspect_ratio = settings.sample_aspect_ratio;
    if let Some((numerator, denominator)) = described.interval {
        settings.rate.set_interval(numerator, denominator);
    }
    if let Some((bit_rate, bits)) = settings.rate.buffer()? {
        described.hrd = Some(settings.hrd(bit_rate, bits)?);
    }
    let Parameters {
        sps,
        pps,
        references,
    } = &mut *settings.parameters;
    // What somebody has set since the values of the request became the current ones is for a later
    // picture.
    let (sps_stands, pps_stands) = (values.is_payload(sps)?, values.is_payload(pps)?);
    // What is wanted of references is for one picture only.
    if *references != EncodeReferences::DEFAULT && values.is_payload(references)? {
        values.set_payload(&EncodeReferences::DEFAULT)?;
    }
    let coded = {
        let mut stream = context.stream.lock();
        let able = Abilities {
            references: stream.frames(),
            cabac: capabilities.cabac,
            transform_8x8: capabilities.transform_8x8,
        };
        stream
            .adapt(&settings.params, sps, pps, described, &able)
            .map_err(invalid)?
    };
    if sps_stands && !values.is_payload(sps)? {
        values.set_payload(sps)?;
    }
    if pps_stands && !values.is_payload(pps)? {
        values.set_payload(pps)?;
    }
    *pps = coded;
    if settings.params.pic_parameter_set_id != settings.parameters.pps.pic_parameter_set_id {
        return Err(invalid(Invalid("pic_parameter_set_id")));
    }
    Ok(settings)
}

/// Writes the NAL units that come before the slices of a picture.
fn write_units(
    settings: &Settings,
    described: &adapt::Stream,
    due: Due,
    timing: Option<&Timing>,
    units: &mut Units<'_>,
) -> Result<(), units::Error> {
    if settings.access_unit_delimiter {
        units.push_aud(settings.params.slice_type)?;
    }
    if due == Due::Both {
        units.push_sps(&settings.parameters.sps, described)?;
    }
    if due != Due::Nothing {
        units.push_pps(&settings.parameters.pps)?;
    }
    if let Some(timing) = timing {
        units.push_sei(settings.parameters.sps.seq_parameter_set_id, timing)?;
    }
    Ok(())
}

fn invalid(invalid: Invalid) -> Error {
    trace::refused(invalid.0);
    EINVAL
}

fn not_written(error: units::Error) -> Error {
    match error {
        units::Error::Full => ENOSPC,
        units::Error::Invalid(what) => invalid(what),
    }
}
