// SPDX-License-Identifier: GPL-2.0

//! A job: from two buffers and the controls to a picture for the hardware, and back.

use crate::{
    context::Encoder,
    controls::{
        ParameterSets,
        Settings, //
    },
    pure::{
        adapt::{
            self,
            Abilities, //
        },
        params::{
            Invalid,
            SLICE_TYPE_I, //
        },
        picture::{
            Completion,
            Output,
            PictureJob,
            Source, //
        },
        slice::Picture,
        units::{
            self,
            Unit,
            Units, //
        }, //
    },
    references::{
        Brought,
        Known,
        Pending,
        Stream, //
    },
    stats::Coded,
    uapi::Stats, //
};
use kernel::prelude::*;
use media::{
    m2m::{
        Job,
        PictureType,
        State, //
    },
    rate_control::{
        Frame,
        FrameType, //
    }, //
};

/// Bytes of the headers of an access unit.
const HEADER_BYTES: usize = 512;
/// NAL units of an access unit before its slices: delimiter and parameter sets.
const UNITS: usize = 3;

/// Runs a job. It ends in [`finish`], at once if it cannot be started.
pub(crate) fn run(job: Job<Encoder>) {
    let hardware = job.context().device().hardware().clone();
    let mut bytes = [0; HEADER_BYTES];
    let mut entries = [Unit::EMPTY; UNITS];
    let result = match prepare(&job, &mut bytes, &mut entries) {
        Ok(prepared) => hardware.submit(&prepared.picture_job(), job),
        Err(error) => Err((error, job)),
    };
    if let Err((error, job)) = result {
        finish(job, Err(error));
    }
}

/// Ends a job with what became of its picture.
pub(crate) fn finish(mut job: Job<Encoder>, outcome: Result<Completion>) {
    match outcome.and_then(|completion| commit(&mut job, &completion)) {
        Ok(stats) => {
            *job.data() = stats;
            job.finish(State::Done);
        }
        Err(error) => {
            job.context().stream.lock().cancel();
            pr_debug!("picture not coded: {error:?}\n");
            *job.data() = Stats::failed(job.timestamp(), job.sequence());
            job.finish(State::Error);
        }
    }
}

/// Makes a coded picture part of the stream.
fn commit(job: &mut Job<Encoder>, completion: &Completion) -> Result<Stats> {
    let timestamp = job.timestamp();
    let (picture, qp) = job.context().stream.lock().commit(completion, timestamp)?;
    let picture_type = if picture.slice_type == SLICE_TYPE_I {
        PictureType::Key
    } else {
        PictureType::Predicted
    };
    // The hardware wrote no more than fits: this was checked.
    job.set_capture(completion.bytes.try_into()?, picture_type)?;
    let coded = Coded {
        timestamp,
        sequence: job.sequence(),
        picture: &picture,
        qp,
    };
    Ok(Stats::new(&coded, completion))
}

/// A picture whose job can be described to the hardware.
struct Prepared<'a> {
    picture: Picture,
    /// The ones that it is coded with.
    sets: KBox<ParameterSets>,
    qp: u8,
    source: Source,
    reference: Option<u64>,
    reconstruction: Option<u64>,
    output: Output,
    units: Units<'a>,
}

impl Prepared<'_> {
    fn picture_job(&self) -> PictureJob<'_> {
        PictureJob {
            picture: &self.picture,
            sps: &self.sets.sps,
            pps: &self.sets.pps,
            qp: self.qp,
            slices: 1,
            source: Some(self.source),
            references: self.reference.as_slice(),
            reconstruction: self.reconstruction,
            output: self.output,
            forced_intra: &[],
            units: &self.units,
        }
    }
}

/// Validates and adapts the parameters, plans the picture and writes what comes before its slices.
fn prepare<'a>(
    job: &Job<Encoder>,
    bytes: &'a mut [u8],
    entries: &'a mut [Unit],
) -> Result<Prepared<'a>> {
    let context = job.context();
    let capabilities = context.device().capabilities();
    let (described, source) = {
        let formats = context.formats.lock();
        let address = |plane| job.output(plane).map(|memory| memory.address);
        (formats.stream(), formats.source(capabilities, address)?)
    };
    let size_mbs = (described.width_mbs, described.height_mbs);
    let able = Abilities {
        references: capabilities.references,
    };
    let mut settings = adapted_settings(job, &described, &able)?;
    let capture = job.capture()?;

    let mut stream = context.stream.lock();
    let plan = stream
        .dpb
        .plan(&settings.params, &settings.sets.sps, &settings.sets.pps)
        .map_err(invalid)?;
    let starts = stream.dpb.starts_sequence(&settings.params);
    let address = |slot| stream.reconstruction(slot, size_mbs);
    let reference = plan.reference.map(address).transpose()?;
    let reconstruction = plan.reconstruction.map(address).transpose()?;
    let picture = plan.picture;
    // The SPS takes effect with IDR pictures only; in between it is the one that decoders have.
    let described = match &stream.known {
        Some(known) if !starts => {
            settings.sets.sps = known.sets.sps;
            known.described
        }
        _ => described,
    };
    let mut units = Units::new(bytes, entries, settings.start_codes);
    let known = stream.known.as_ref();
    let brings = write_units(known, &settings, &described, &picture, starts, &mut units)?;
    let brought = match brings {
        Brings::Nothing => Brought::Nothing,
        Brings::Pps => Brought::Pps(settings.sets.pps),
        Brings::All => Brought::All(Known {
            sets: settings.sets.copy()?,
            described,
        }),
    };
    let frame = begin_frame(&stream, &settings, &picture)?;
    let qp = match u8::try_from(frame.qp()) {
        Ok(qp) => qp,
        Err(error) => {
            stream.rate.cancel(frame)?;
            return Err(error.into());
        }
    };
    stream.begin(Pending {
        plan,
        brought,
        frame,
        qp,
    });
    Ok(Prepared {
        picture,
        sets: settings.sets,
        qp,
        source,
        reference,
        reconstruction,
        output: Output {
            address: capture.address,
            size: capture.size.try_into().unwrap_or(u32::MAX),
        },
        units,
    })
}

/// Asks the rate control for the picture's QP.
fn begin_frame(stream: &Stream, settings: &Settings, picture: &Picture) -> Result<Frame> {
    stream.rate.configure(&settings.fixed_qp)?;
    let frame_type = if picture.slice_type == SLICE_TYPE_I {
        FrameType::I
    } else {
        FrameType::P
    };
    stream.rate.begin(frame_type, settings.frame_qp)
}

/// Reads the controls and adapts the parameter sets to what the hardware can do. The adapted ones
/// become the file's current values; a request keeps those that it asked for.
fn adapted_settings(
    job: &Job<Encoder>,
    described: &adapt::Stream,
    able: &Abilities,
) -> Result<Settings> {
    let mut values = job.context().controls().lock();
    let mut settings = Settings::read(&values)?;
    let sets = &mut *settings.sets;
    adapt::adapt_sps(&mut sets.sps, described, able).map_err(invalid)?;
    adapt::adapt_pps(&mut sets.pps, &sets.sps).map_err(invalid)?;
    if !values.is_payload(&sets.sps)? {
        values.set_payload(&sets.sps)?;
    }
    if !values.is_payload(&sets.pps)? {
        values.set_payload(&sets.pps)?;
    }
    if settings.params.pic_parameter_set_id != sets.pps.pic_parameter_set_id {
        return Err(invalid(Invalid("pic_parameter_set_id")));
    }
    Ok(settings)
}

/// The parameter sets that were written with a picture.
#[derive(Clone, Copy)]
enum Brings {
    Nothing,
    Pps,
    All,
}

/// Writes the NAL units that come before the slices of a picture.
fn write_units(
    known: Option<&Known>,
    settings: &Settings,
    described: &adapt::Stream,
    picture: &Picture,
    starts: bool,
    units: &mut Units<'_>,
) -> Result<Brings> {
    let ParameterSets { sps, pps } = &*settings.sets;
    if pps.seq_parameter_set_id != sps.seq_parameter_set_id {
        return Err(invalid(Invalid("seq_parameter_set_id")));
    }
    let knows_sps = known.is_some_and(|k| k.sets.sps == *sps && k.described == *described);
    let knows_pps = known.is_some_and(|k| k.sets.pps == *pps);
    let brings = if starts && (settings.parameter_sets_with_idr || !knows_sps) {
        Brings::All
    } else if !knows_pps {
        Brings::Pps
    } else {
        Brings::Nothing
    };

    if settings.access_unit_delimiter {
        units.push_aud(picture.slice_type).map_err(not_written)?;
    }
    if matches!(brings, Brings::All) {
        units.push_sps(sps, described).map_err(not_written)?;
    }
    if matches!(brings, Brings::All | Brings::Pps) {
        units.push_pps(pps).map_err(not_written)?;
    }
    Ok(brings)
}

fn invalid(invalid: Invalid) -> Error {
    pr_debug!(
        "{} is out of range or contradicts another parameter\n",
        invalid.0
    );
    EINVAL
}

fn not_written(error: units::Error) -> Error {
    match error {
        units::Error::Full => ENOSPC,
        units::Error::Invalid(what) => invalid(what),
    }
}
