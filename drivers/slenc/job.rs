// SPDX-License-Identifier: GPL-2.0

//! A job: from two buffers and the controls to a picture for the hardware, and back.

use crate::{
    context::Encoder,
    hw::Count,
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
        sets::{
            Due,
            Written, //
        },
        slice::Picture,
        units::{
            self,
            Unit,
            Units, //
        }, //
    },
    references::{
        Activation,
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
use kernel::prelude::*;
use media::{
    m2m::{
        Job,
        PictureType,
        State, //
    }, //
};

/// Bytes of the headers of an access unit.
const HEADER_BYTES: usize = 512;
/// NAL units of an access unit before its slices.
const UNITS: usize = Capabilities::OTHER_UNITS as usize;

/// Runs a job. It ends in [`finish`], at once if it cannot be started.
pub(crate) fn run(job: Job<Encoder>) {
    let hardware = job.context().device().hardware().clone();
    let mut bytes = [0; HEADER_BYTES];
    let mut entries = [Unit::EMPTY; UNITS];
    let result = match prepare(&job, &mut bytes, &mut entries) {
        Ok(prepared) => {
            trace::picture(&job, &prepared.picture, prepared.qp);
            hardware.submit(&prepared.picture_job(), job)
        }
        Err(error) => Err((error, job)),
    };
    if let Err((error, job)) = result {
        hardware.count(Count::Refused);
        finish(job, Err(error));
    }
}

/// Ends a job with what became of its picture.
pub(crate) fn finish(mut job: Job<Encoder>, outcome: Result<Completion>) {
    let outcome = outcome.and_then(|completion| {
        let stats = commit(&mut job, &completion)?;
        Ok((stats, (completion.bytes, completion.encode_ns)))
    });
    trace::done(
        &job,
        outcome
            .as_ref()
            .map(|(_, took)| *took)
            .map_err(|error| *error),
    );
    match outcome {
        Ok((stats, _)) => {
            *job.data() = stats;
            job.finish(State::Done);
        }
        Err(_) => {
            job.context().stream.lock().cancel();
            *job.data() = Stats::failed(job.timestamp(), job.sequence());
            job.finish(State::Error);
        }
    }
}

/// Makes a coded picture part of the stream.
fn commit(job: &mut Job<Encoder>, completion: &Completion) -> Result<Stats> {
    let (picture, qp) = job.context().stream.lock().commit(completion)?;
    let picture_type = if picture.slice_type == SLICE_TYPE_I {
        PictureType::Key
    } else {
        PictureType::Predicted
    };
    // The hardware wrote no more than fits: this was checked.
    job.set_capture(completion.bytes.try_into()?, picture_type)?;
    let coded = Coded {
        timestamp: job.timestamp(),
        sequence: job.sequence(),
        picture: &picture,
        qp,
    };
    Ok(Stats::new(&coded, completion))
}

/// A picture whose job can be described to the hardware.
struct Prepared<'a> {
    picture: Picture,
    /// With the SPS and PPS that it is coded with.
    parameters: KBox<Parameters>,
    qp: u8,
    cabac_init_idc: u8,
    slice_rows: u16,
    source: Source,
    /// Those of reference list 0, and then none.
    references: [u64; MAX_DPB_FRAMES],
    reconstruction: Option<u64>,
    output: Output,
    units: Units<'a>,
}

impl Prepared<'_> {
    fn picture_job(&self) -> PictureJob<'_> {
        let count = usize::from(self.picture.num_ref_idx_l0_active);
        PictureJob {
            picture: &self.picture,
            sps: &self.parameters.sps,
            pps: &self.parameters.pps,
            qp: self.qp,
            cabac_init_idc: self.cabac_init_idc,
            slice_rows: self.slice_rows,
            source: Some(self.source),
            references: self.references.get(..count).unwrap_or_default(),
            reconstruction: self.reconstruction,
            output: self.output,
            forced_intra: &[],
            in_frame: None,
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
    let (mut described, source) = {
        let formats = context.formats.lock();
        let address = |plane| job.output(plane).map(|memory| memory.address);
        (formats.stream(), formats.source(capabilities, address)?)
    };
    let size_mbs = (described.width_mbs, described.height_mbs);
    let mut settings = adapted_settings(job, &described)?;
    described.sample_aspect_ratio = settings.sample_aspect_ratio;
    let capture = job.capture()?;

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
    let activation = activation(&stream, &mut settings, &described)?;
    let written = activation.as_ref().map(|activation| &activation.written);
    let pps = settings.parameters.pps;
    let due = stream
        .sets()
        .due(written, &pps, settings.parameter_sets_with_idr);
    let mut units = Units::new(bytes, entries, settings.start_codes);
    write_units(&settings, &described, due, &mut units).map_err(not_written)?;

    stream.rate.configure(&(&settings.fixed_qp).into())?;
    let frame = stream.rate.begin(&settings.frame)?;
    let qp = match u8::try_from(frame.qp()) {
        Ok(qp) => qp,
        Err(error) => {
            stream.rate.cancel(frame)?;
            return Err(error.into());
        }
    };
    let picture = plan.picture;
    stream.begin(Pending {
        plan,
        activation,
        pps,
        due,
        frame,
        qp,
    });
    Ok(Prepared {
        picture,
        parameters: settings.parameters,
        qp,
        cabac_init_idc: settings.params.cabac_init_idc,
        slice_rows: units::slice_rows(size_mbs, settings.max_slice_mbs, capabilities.slices()),
        source,
        references,
        reconstruction,
        output: Output {
            address: capture.address,
            size: capture.size.try_into().unwrap_or(u32::MAX),
        },
        units,
    })
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
    };
    Ok(Some(KBox::new(activation, GFP_KERNEL)?))
}

/// Reads the controls and adapts the parameter sets to what the hardware can do. The adapted ones
/// become the file's current values; a request keeps those that it asked for.
fn adapted_settings(job: &Job<Encoder>, described: &adapt::Stream) -> Result<Settings> {
    let context = job.context();
    let capabilities = context.device().capabilities();
    let mut values = job.values();
    let mut settings = Settings::read(&values)?;
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
    if settings.params.pic_parameter_set_id != pps.pic_parameter_set_id {
        return Err(invalid(Invalid("pic_parameter_set_id")));
    }
    Ok(settings)
}

/// Writes the NAL units that come before the slices of a picture.
fn write_units(
    settings: &Settings,
    described: &adapt::Stream,
    due: Due,
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
