// SPDX-License-Identifier: GPL-2.0

//! A stream that is being coded, with the decoder that reads it.

use super::{
    encoder::{
        wait_completed,
        Encoder,
        Params,
        Target,
        SIZE, //
    },
    expect::{
        ensure,
        equal,
        fail,
        Outcome, //
    },
};
use crate::{
    error::{
        Context,
        Error,
        Result, //
    },
    h264::{
        self,
        decoder::{
            AccessUnit,
            Decoder,
            Rule, //
        },
        nal, //
    },
    v4l2::{
        device::{
            CAPTURE,
            OUTPUT, //
        },
        queue::is_error,
        request::Request,
        sys::{
            control::ExtControl,
            mapping::Mapping,
            video::Dequeued,
            Plain, //
        },
        uapi::*,
    },
};
use std::ops::Deref;

/// Buffers of each queue.
pub(super) const BUFFERS: u32 = 4;

/// A picture that was coded.
pub(super) struct Picture {
    /// Its headers.
    pub(super) unit: AccessUnit,
    /// All of it.
    pub(super) bytes: Vec<u8>,
    /// The CAPTURE buffer.
    pub(super) buffer: Dequeued,
    /// The timestamp of its source, in microseconds.
    pub(super) name: u64,
    /// Its number among the pictures that were read: what `list0` names it by.
    pub(super) serial: u64,
}

impl Deref for Picture {
    type Target = AccessUnit;

    fn deref(&self) -> &AccessUnit {
        &self.unit
    }
}

impl Picture {
    /// Expects that the picture keeps to a rule.
    pub(super) fn keeps(&self, rule: Rule) -> Outcome {
        match self.problems.iter().find(|(broken, _)| *broken == rule) {
            None => Ok(()),
            Some((_, what)) => fail(format!("picture {}: {what}", self.name)),
        }
    }

    /// Expects that the picture keeps to all rules.
    pub(super) fn keeps_all(&self) -> Outcome {
        match self.problems.first() {
            None => Ok(()),
            Some((_, what)) => fail(format!("picture {}: {what}", self.name)),
        }
    }

    /// Whether it brought parameter sets.
    pub(super) fn brings(&self) -> (bool, bool) {
        (self.sps.is_some(), self.pps.is_some())
    }
}

/// An encoder that is streaming.
pub(super) struct Stream {
    /// The encoder.
    pub(super) encoder: Encoder,
    /// What is decoded of the stream.
    pub(super) decoder: Decoder,
    request: Request,
    sources: Vec<Vec<Mapping>>,
    coded: Vec<Mapping>,
    /// Buffers of each queue.
    buffers: u32,
    /// The name of the next picture.
    name: u64,
    /// The number of the next picture that is read.
    serial: u64,
    /// Pictures since the last IDR picture.
    position: u64,
}

/// Parameters of an IDR picture.
pub(super) fn idr() -> Params {
    h264::Gop::new(0).next_picture()
}

/// A small source that differs from picture to picture: a texture that moves.
fn paint(planes: &mut [Mapping], number: u64) {
    for plane in planes {
        let bytes: Vec<u8> = (0..plane.len())
            .map(|i| {
                let i = i as u64 + 3 * number;
                (64 + i % 61 + (i / 97) % 53) as u8
            })
            .collect();
        plane.write(0, &bytes);
    }
}

impl Stream {
    /// A stream of the usual size and parameter sets.
    pub(super) fn new(target: &Target) -> Outcome<Self> {
        Self::prepared(target, |_| Ok(()))
    }

    /// A stream before which `prepare` does something: formats and parameter sets are
    /// set, buffers are not there yet.
    pub(super) fn prepared(
        target: &Target,
        prepare: impl FnOnce(&Encoder) -> Outcome,
    ) -> Outcome<Self> {
        Self::of_size(target, SIZE, prepare)
    }

    /// A stream of another size.
    pub(super) fn of_size(
        target: &Target,
        size: (u32, u32),
        prepare: impl FnOnce(&Encoder) -> Outcome,
    ) -> Outcome<Self> {
        let encoder = Encoder::open(target)?;
        let size = encoder.size_near(size)?;
        encoder.set_size(size)?;
        encoder.set_sps(&usual_sps(size))?;
        encoder.set_pps(&h264::pps())?;
        prepare(&encoder)?;
        Self::begin(encoder)
    }

    /// Starts an encoder that is set up.
    pub(super) fn begin(encoder: Encoder) -> Outcome<Self> {
        encoder.allocate(BUFFERS)?;
        Self::begin_with(encoder, BUFFERS)
    }

    /// Starts an encoder that has so many buffers on each queue.
    pub(super) fn begin_with(encoder: Encoder, buffers: u32) -> Outcome<Self> {
        encoder.start()?;
        let request = encoder.request()?;
        let mut stream = Self {
            encoder,
            decoder: Decoder::default(),
            request,
            sources: Vec::new(),
            coded: Vec::new(),
            buffers,
            name: 1,
            serial: 1,
            position: 0,
        };
        stream.map()?;
        Ok(stream)
    }

    /// Maps the buffers, as after they were allocated.
    pub(super) fn map(&mut self) -> Outcome {
        self.sources.clear();
        self.coded.clear();
        for index in 0..self.buffers {
            self.sources.push(self.encoder.map(OUTPUT, index)?);
            let coded = self.encoder.map(CAPTURE, index)?.into_iter().next();
            self.coded
                .push(coded.ok_or_else(|| Error::new("a CAPTURE buffer has no plane"))?);
        }
        Ok(())
    }

    /// Gives up mappings, as before buffers are freed.
    pub(super) fn unmap(&mut self) {
        self.sources.clear();
        self.coded.clear();
    }

    /// Tells the reader that the next picture begins a stream.
    pub(super) fn begin_reading(&mut self) {
        self.decoder.begin();
        self.position = 0;
    }

    /// Parameters of an IDR picture.
    pub(super) fn idr(&self) -> Params {
        idr()
    }

    /// Parameters of an I picture that is no IDR picture.
    pub(super) fn i(&self) -> Params {
        Params {
            slice_type: V4L2_H264_SLICE_TYPE_I as u8,
            ..self.p()
        }
    }

    /// Parameters of the next P picture.
    pub(super) fn p(&self) -> Params {
        Params {
            nal_ref_idc: 2,
            slice_type: V4L2_H264_SLICE_TYPE_P as u8,
            frame_num: (self.position % 256) as u16,
            pic_order_cnt_lsb: (2 * self.position % 256) as u16,
            ..Plain::zeroed()
        }
    }

    /// The name of the next picture.
    pub(super) fn next_name(&self) -> u64 {
        self.name
    }

    /// Codes an IDR picture.
    pub(super) fn code_idr(&mut self) -> Outcome<Picture> {
        self.code(&idr(), &mut [])
    }

    /// Codes a P picture.
    pub(super) fn code_p(&mut self) -> Outcome<Picture> {
        let params = self.p();
        self.code(&params, &mut [])
    }

    /// Codes a picture with more controls in its request, and reads it.
    pub(super) fn code(
        &mut self,
        params: &Params,
        controls: &mut [ExtControl<'_>],
    ) -> Outcome<Picture> {
        self.code_named(self.name, params, controls)
    }

    /// Codes a picture of a certain name.
    pub(super) fn code_named(
        &mut self,
        name: u64,
        params: &Params,
        controls: &mut [ExtControl<'_>],
    ) -> Outcome<Picture> {
        self.submit(name, Some(params), controls)?;
        let buffer = self.complete()?;
        self.read(buffer)
    }

    /// Codes a picture with what is current: its request has no controls.
    pub(super) fn code_current(&mut self) -> Outcome<Picture> {
        self.submit(self.name, None, &mut [])?;
        let buffer = self.complete()?;
        self.read(buffer)
    }

    /// Codes a picture without a request.
    pub(super) fn code_plain(&mut self) -> Outcome<Picture> {
        self.source(0);
        let name = self.name;
        self.name += 1;
        self.encoder
            .queue_source(0, name, None)
            .context("VIDIOC_QBUF on OUTPUT")?;
        self.encoder
            .queue_coded(0)
            .context("VIDIOC_QBUF on CAPTURE")?;
        let buffer = self.encoder.dequeue(CAPTURE)?;
        self.encoder.dequeue(OUTPUT)?;
        self.read(buffer)
    }

    /// Queues a picture that has to fail, and checks that it comes back as such.
    pub(super) fn fails(
        &mut self,
        what: &str,
        params: &Params,
        controls: &mut [ExtControl<'_>],
    ) -> Outcome<Dequeued> {
        match self.try_code(params, controls)? {
            Ok(_) => fail(format!("{what} is coded, and has to fail")),
            Err(buffer) => Ok(buffer),
        }
    }

    /// Codes a picture, which may fail.
    pub(super) fn try_code(
        &mut self,
        params: &Params,
        controls: &mut [ExtControl<'_>],
    ) -> Outcome<std::result::Result<Picture, Dequeued>> {
        self.submit(self.name, Some(params), controls)?;
        let buffer = self.complete()?;
        if is_error(&buffer) {
            return Ok(Err(buffer));
        }
        self.read(buffer).map(Ok)
    }

    /// The request that pictures are coded with. After a picture it is the picture's.
    pub(super) fn request(&self) -> &Request {
        &self.request
    }

    /// Fills a source.
    pub(super) fn source(&mut self, index: u32) {
        if let Some(planes) = self.sources.get_mut(index as usize) {
            paint(planes, self.name);
        }
    }

    /// Fills a coded buffer and a source with nonsense.
    pub(super) fn scribble(&mut self, index: u32) {
        let planes = self.sources.get_mut(index as usize).into_iter().flatten();
        for plane in planes.chain(self.coded.get_mut(index as usize)) {
            let nonsense = vec![0xa5; plane.len()];
            plane.write(0, &nonsense);
        }
    }

    /// Queues a source and its request, and no CAPTURE buffer. Returns its name.
    pub(super) fn queue(&mut self, request: &Request, index: u32, params: &Params) -> Outcome<u64> {
        self.source(index);
        let name = self.name;
        self.name += 1;
        let mut params = *params;
        let id = V4L2_CID_STATELESS_H264_ENCODE_PARAMS;
        self.encoder
            .set_in(request, &mut [ExtControl::compound(id, &mut params)])?;
        self.encoder
            .queue_source(index, name, Some(request))
            .context("VIDIOC_QBUF on OUTPUT")?;
        request.queue().context("MEDIA_REQUEST_IOC_QUEUE")?;
        Ok(name)
    }

    /// Queues a CAPTURE buffer.
    pub(super) fn queue_coded(&self, index: u32) -> Outcome {
        self.encoder
            .queue_coded(index)
            .context("VIDIOC_QBUF on CAPTURE")?;
        Ok(())
    }

    /// Queues both buffers 0 and the request.
    pub(super) fn submit(
        &mut self,
        name: u64,
        params: Option<&Params>,
        controls: &mut [ExtControl<'_>],
    ) -> Outcome {
        self.source(0);
        self.name = self.name.max(name + 1);
        self.request.reinit().context("MEDIA_REQUEST_IOC_REINIT")?;
        if let Some(params) = params {
            let mut params = *params;
            let id = V4L2_CID_STATELESS_H264_ENCODE_PARAMS;
            self.encoder
                .set_in(&self.request, &mut [ExtControl::compound(id, &mut params)])?;
        }
        if !controls.is_empty() {
            self.encoder.set_in(&self.request, controls)?;
        }
        self.encoder
            .queue_source(0, name, Some(&self.request))
            .context("VIDIOC_QBUF on OUTPUT")?;
        self.encoder
            .queue_coded(0)
            .context("VIDIOC_QBUF on CAPTURE")?;
        self.request.queue().context("MEDIA_REQUEST_IOC_QUEUE")?;
        Ok(())
    }

    /// Waits for the request, and takes back both buffers.
    pub(super) fn complete(&self) -> Outcome<Dequeued> {
        wait_completed(&self.request)?;
        let coded = self.encoder.dequeue(CAPTURE)?;
        let raw = self.encoder.dequeue(OUTPUT)?;
        equal(
            "V4L2_BUF_FLAG_ERROR of the OUTPUT buffer",
            is_error(&raw),
            is_error(&coded),
        )?;
        Ok(coded)
    }

    /// Copies a coded buffer.
    pub(super) fn content(&self, buffer: &Dequeued) -> Result<Vec<u8>> {
        let mapping = self
            .coded
            .get(buffer.index as usize)
            .ok_or_else(|| Error::new("VIDIOC_DQBUF gave a buffer that there is not"))?;
        let size = buffer.bytes_used.first().copied().unwrap_or(0) as usize;
        if size > mapping.len() {
            return Err(Error::new("bytesused is more than the buffer has"));
        }
        let mut bytes = Vec::new();
        mapping.read(0, size, &mut bytes);
        Ok(bytes)
    }

    /// Reads the picture in a coded buffer in the byte stream format.
    pub(super) fn read(&mut self, buffer: Dequeued) -> Outcome<Picture> {
        ensure!(!is_error(&buffer), "a picture failed, and must not");
        let bytes = self.content(&buffer)?;
        let units = nal::byte_stream(&bytes).context("the access unit")?;
        self.decode(buffer, bytes, units)
    }

    /// Reads the picture in a coded buffer that is one NAL unit without a start code.
    pub(super) fn read_unit(&mut self, buffer: Dequeued) -> Outcome<Picture> {
        ensure!(!is_error(&buffer), "a picture failed, and must not");
        let bytes = self.content(&buffer)?;
        let unit = nal::Nal::parse(&bytes, 0).context("the NAL unit")?;
        self.decode(buffer, bytes, vec![unit])
    }

    fn decode(
        &mut self,
        buffer: Dequeued,
        bytes: Vec<u8>,
        units: Vec<nal::Nal>,
    ) -> Outcome<Picture> {
        let serial = self.serial;
        self.serial += 1;
        let unit = self
            .decoder
            .decode(units, serial)
            .context("the access unit")?;
        self.position = if unit.slice().idr {
            1
        } else {
            self.position + 1
        };
        Ok(Picture {
            unit,
            bytes,
            name: buffer.timestamp,
            buffer,
            serial,
        })
    }
}

/// The SPS that tests ask for, unless they want another.
pub(super) fn usual_sps((width, height): (u32, u32)) -> v4l2_ctrl_h264_sps {
    h264::sps(width, height, (25, 1))
}
