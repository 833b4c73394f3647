// SPDX-License-Identifier: GPL-2.0

//! Why a program could not be loaded: what libbpf and the verifier have said, and which line of
//! it matters.

use crate::{
    error::Error,
    place::MODULE_BTF, //
};
use libbpf_rs::{
    set_print,
    ErrorKind,
    PrintLevel, //
};
use std::{
    fs,
    path::Path,
    sync::Mutex, //
};

/// All that libbpf has said.
static SAID: Mutex<String> = Mutex::new(String::new());

fn listen(_level: PrintLevel, message: String) {
    if let Ok(mut said) = SAID.lock() {
        said.push_str(&message);
    }
}

/// Keeps what libbpf says, instead of printing it.
pub(crate) fn start() {
    if let Ok(mut said) = SAID.lock() {
        said.clear();
    }
    set_print(Some((PrintLevel::Info, listen)));
}

/// What libbpf has said since [`start`].
fn said() -> String {
    SAID.lock().map_or(String::new(), |said| said.clone())
}

/// What there is to load a program into, and who loads it.
#[derive(Clone, Copy)]
struct Place {
    module: bool,
    /// Type information of the module.
    types: bool,
    user_namespace: bool,
    /// May read the type information of modules.
    administrator: bool,
}

impl Place {
    fn here() -> Self {
        Self {
            module: Path::new("/sys/module/v4l2_rate_control").exists(),
            types: Path::new(MODULE_BTF).exists(),
            user_namespace: fs::read_to_string("/proc/self/uid_map")
                .is_ok_and(|map| !maps_all(&map)),
            administrator: fs::read_to_string("/proc/self/status")
                .is_ok_and(|status| has_sys_admin(&status)),
        }
    }
}

/// The error of a load that has failed.
pub(crate) fn explain(path: &Path, err: &libbpf_rs::Error) -> Error {
    cause(&path.display().to_string(), err, &said(), Place::here())
}

fn cause(object: &str, err: &libbpf_rs::Error, said: &str, place: Place) -> Error {
    let error = |cause: &str| Error::new(format!("{object}: {cause}"));
    if !place.types {
        return if place.module {
            error("the kernel has no type information of v4l2-rate-control").remedy(
                "it needs CONFIG_DEBUG_INFO_BTF_MODULES, and a module built with pahole installed",
            )
        } else {
            error("the module v4l2-rate-control is not loaded").remedy("run modprobe slenc")
        };
    }
    if let Some((line, source)) = verdict(said) {
        let source = source.map_or(String::new(), |source| format!(" at \"{source}\""));
        return error(&format!("the verifier refuses it{source}: {line}"));
    }
    let no_hook = said.contains(NO_TYPE);
    if no_hook && place.user_namespace {
        return error("not permitted in a user namespace").remedy(
            "load it outside: who looks for the type information of a module needs CAP_SYS_ADMIN \
             there, with a BPF token as well",
        );
    }
    if no_hook && place.administrator {
        return error("this v4l2-rate-control has no BPF hook")
            .remedy("its kernel needs CONFIG_BPF_JIT and CONFIG_DEBUG_INFO_BTF_MODULES");
    }
    // What may not be read is not found.
    if err.kind() == ErrorKind::PermissionDenied || no_hook {
        return error("not permitted").remedy(
            "run as root: the type information of a module needs CAP_SYS_ADMIN beside CAP_BPF",
        );
    }
    match err.kind() {
        ErrorKind::AlreadyExists => {
            error("a program of this name is there already").remedy("use slenc bpf replace")
        }
        ErrorKind::InvalidInput => error(&format!("{err:#}")).remedy(
            "a program has frame_begin, a name of A-Z, a-z, 0-9, _ and . that is neither builtin \
             nor default, and no flags",
        ),
        _ => match said.lines().rfind(|line| line.starts_with("libbpf: ")) {
            Some(line) => error(&format!(
                "{err:#} ({})",
                line.trim_start_matches("libbpf: ")
            )),
            None => error(&format!("{err:#}")),
        },
    }
}

/// What libbpf says when the module's type is not among those that it can read.
const NO_TYPE: &str = "struct v4l2_rc_ops is not found in kernel BTF";

/// Whether CAP_SYS_ADMIN is effective in a status of /proc.
fn has_sys_admin(status: &str) -> bool {
    const CAP_SYS_ADMIN: u32 = 21;
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|set| u64::from_str_radix(set.trim(), 16).ok())
        .is_some_and(|set| set & (1 << CAP_SYS_ADMIN) != 0)
}

/// Whether all user ids are mapped to themselves, as in the first user namespace.
fn maps_all(uid_map: &str) -> bool {
    uid_map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// Whether a line of the verifier's log is an instruction that it looks at: "12: (79) r1 = r2".
fn is_instruction(line: &str) -> bool {
    line.split_once(": (")
        .is_some_and(|(number, _)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// What the verifier's log says why, and the line of the program that it is about.
///
/// A log is a walk through the program, of instructions, states and source lines (those begin
/// with ";"). What follows the last of them are reasons, and then a summary; kernels since 7.3
/// explain the failure once more in between.
fn verdict(said: &str) -> Option<(String, Option<String>)> {
    let log = said
        .split("-- BEGIN PROG LOAD LOG --")
        .nth(1)?
        .split("-- END PROG LOAD LOG --")
        .next()?;
    let lines: Vec<&str> = log
        .split("Verification failed:")
        .next()?
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let walked = lines
        .iter()
        .rposition(|line| line.starts_with("; ") || is_instruction(line))
        .map_or(0, |last| last + 1);
    let (walk, rest) = lines.split_at_checked(walked)?;
    let is_reason = |line: &&&str| {
        ![
            "processed ",
            "max_states",
            "verification time",
            "stack depth",
            "cur state:",
            "old state:",
        ]
        .iter()
        .any(|other| line.starts_with(other))
    };
    let reasons: Vec<&str> = rest.iter().filter(is_reason).copied().collect();
    let source = walk
        .iter()
        .rev()
        .find(|line| line.starts_with("; "))
        .map(|line| {
            let text = line.trim_start_matches("; ");
            // After the text comes "@ file:line".
            text.split(" @ ").next().unwrap_or(text).trim().to_owned()
        });
    (!reasons.is_empty()).then(|| (reasons.join("; "), source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_matters_is_found() {
        let said = "libbpf: prog 'x': BPF program load failed: -EACCES\n\
            libbpf: prog 'x': -- BEGIN PROG LOAD LOG --\n\
            0: R1=ctx() R10=fp0\n\
            ; int BPF_PROG(x) @ x.bpf.c:12\n\
            0: (79) r1 = *(u64 *)(r1 +8)\n\
            ; frame->type = 1; @ x.bpf.c:14\n\
            1: (63) *(u32 *)(r1 +64) = 1\n\
            only the decision and the budget are writable\n\
            processed 2 insns (limit 1000000) max_states_per_insn 0\n\
            -- END PROG LOAD LOG --\n\
            libbpf: failed to load object\n";
        assert_eq!(
            verdict(said),
            Some((
                "only the decision and the budget are writable".to_owned(),
                Some("frame->type = 1;".to_owned())
            ))
        );
        assert_eq!(verdict("libbpf: nothing of the kind\n"), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let root = Place {
            module: true,
            types: true,
            user_namespace: false,
            administrator: true,
        };
        let no_type = format!("libbpf: struct_ops init_kern: {NO_TYPE}\n");
        let eperm = libbpf_rs::Error::from_raw_os_error(1);
        let esrch = libbpf_rs::Error::from_raw_os_error(3);
        let says = |err, said, place| cause("x.bpf.o", err, said, place).to_string();

        let place = Place {
            module: false,
            types: false,
            ..root
        };
        assert!(says(&esrch, "", place).contains("is not loaded; run modprobe"));
        let place = Place {
            types: false,
            ..root
        };
        assert!(says(&esrch, "", place).contains("no type information of v4l2-rate-control"));
        assert!(says(&esrch, &no_type, root).contains("has no BPF hook"));
        let place = Place {
            administrator: false,
            ..root
        };
        assert!(says(&esrch, &no_type, place).contains("not permitted; run as root"));
        assert!(says(&eperm, "", place).contains("not permitted; run as root"));
        let place = Place {
            user_namespace: true,
            ..place
        };
        assert!(says(&esrch, &no_type, place).contains("not permitted in a user namespace"));
        assert!(says(&esrch, "libbpf: a\nlibbpf: b\n", root).ends_with("(b)"));
    }

    #[test]
    fn capabilities_are_read_off_a_status() {
        let status = |set: &str| format!("Name:\tslenc\nCapPrm:\t0\nCapEff:\t{set}\n");
        assert!(has_sys_admin(&status("000001ffffffffff")));
        assert!(has_sys_admin(&status("0000000000200000")));
        // CAP_BPF and CAP_PERFMON.
        assert!(!has_sys_admin(&status("000000c000000000")));
        assert!(!has_sys_admin("Name:\tslenc\n"));
    }

    #[test]
    fn the_first_user_namespace_maps_all() {
        assert!(maps_all("         0          0 4294967295\n"));
        assert!(!maps_all("         0       1000          1\n"));
        assert!(!maps_all(""));
    }

    #[test]
    fn explanations_and_states_are_no_reasons() {
        let log =
            |text: &str| format!("-- BEGIN PROG LOAD LOG --\n{text}-- END PROG LOAD LOG --\n");
        let said = log("; while (n) @ loop.bpf.c:9\n\
             3: (55) if r1 != 0x0 goto pc-2\n\
             ; while (n) @ loop.bpf.c:9\n\
             infinite loop detected at insn 3\n\
             cur state: R1=1 R10=fp0\n\
             old state: R1=1 R10=fp0\n\
             \n\
             Verification failed: Loop: Does not end\n\
             \n\
             Suggestion:\n  Let it end.\n\
             processed 9 insns\n");
        assert_eq!(
            verdict(&said),
            Some((
                "infinite loop detected at insn 3".to_owned(),
                Some("while (n)".to_owned())
            ))
        );
        let said = log("attach to unsupported member x\nprocessed 0 insns\n");
        assert_eq!(
            verdict(&said),
            Some(("attach to unsupported member x".to_owned(), None))
        );
        let said = log("1: (7b) *(u64 *)(r1 +24) = r2    ; R1=ptr_x() R2=1\n\
             only the budget\nR1 cannot write\n");
        assert_eq!(
            verdict(&said),
            Some(("only the budget; R1 cannot write".to_owned(), None))
        );
    }
}
