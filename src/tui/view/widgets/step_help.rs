//! A short description of each step: its actions, the written files, and the possible cost.

use crate::engine::{COST, Step};

pub struct StepHelp {
    pub happens: &'static str,
    pub writes: &'static str,
    pub costs: &'static str,
}

/// Every step only reads from the source. None of them writes to it.
pub fn of(step: Step) -> StepHelp {
    match step {
        Step::Check => StepHelp {
            happens: "The source is asked for its version, and what it holds is counted kind by kind. What cannot arrive is \
                      named now, not later.",
            writes: "nothing on the server; its address, without a password, into this machine's session file.",
            costs: "some requests, more where there is more to count.",
        },
        Step::App => StepHelp {
            happens: "You say where everything goes: a server's address, an ARN, or an App picked from the account's list. A \
                      new App can be made here.",
            writes: "nothing, unless you create an App: it is asked for first, and takes two to five minutes.",
            costs: COST,
        },
        Step::Connect => StepHelp {
            happens: "Both ends are signed in to, and rights, clock, region and artifact store are tried before anything is \
                      moved. You choose the way: straight across, or by a directory.",
            writes: "an App's artifact store gets one small object, which is deleted again; nothing else.",
            costs: "a handful of requests.",
        },
        Step::Plan => StepHelp {
            happens: "You select what is included. What a selected model's versions need is included too, and is shown before the \
                      start.",
            writes: "the plan, as plan.toml in this machine's state directory; commands can use it too (--plan).",
            costs: "requests to the source, as you open what it holds.",
        },
        Step::Export => StepHelp {
            happens: "Everything picked is copied into a directory of this machine. Stopped at any moment, it continues.",
            writes: "files in the directory; a journal of what is done in the state directory.",
            costs: "disk for all of it, artifacts included; reading from S3 is billed by AWS.",
        },
        Step::Import => StepHelp {
            happens: "What is picked is made on the target, as it was. Each item is looked for before it is made: doing it \
                      twice is the same as doing it once.",
            writes: "the target and its artifact store; a journal and the pairs of old and new ids in the state directory.",
            costs: "requests to both ends; on AWS, storage and requests of the bucket, and traffic that leaves a region.",
        },
        Step::Validate => StepHelp {
            happens: "Both sides are read again and compared, item by item and field by field; the journal is not used.",
            writes: "report.json in the state directory; nothing on either server.",
            costs: "requests to both ends; by checksum, every byte of both sides is read.",
        },
    }
}
