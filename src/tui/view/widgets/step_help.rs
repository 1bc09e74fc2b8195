//! A short description of each step: its actions, the data that it writes, and the possible cost.

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
            happens: "You name the source: the address of a server, the folder or database of one (./mlruns, mlflow.db; Tab \
                      completes the path), or an export. The wizard counts its contents by kind. It names now what \
                      cannot arrive, not later.",
            writes: "nothing at the source; its address, without a password, into this machine's session file.",
            costs: "some requests, more if there is more to count; none for a folder or database.",
        },
        Step::App => StepHelp {
            happens: "You name the target: the address of a server, an ARN, or an App from the account's list. You can also \
                      create a new App here.",
            writes: "nothing, unless you create an App: the wizard asks first, and it takes two to five minutes.",
            costs: COST,
        },
        Step::Connect => StepHelp {
            happens: "The wizard signs in to both ends and tests rights, clock, region and artifact store before anything is \
                      moved. A folder or database is opened instead. You choose the route: direct, or via a directory.",
            writes: "one small object in an App's artifact store, which is deleted again; nothing else.",
            costs: "a handful of requests.",
        },
        Step::Plan => StepHelp {
            happens: "You select the items to move. Items that a selected model's versions need are included too, and are \
                      shown before the start.",
            writes: "the plan, as plan.toml in this machine's state directory; commands can use it too (--plan).",
            costs: "requests to the source, when you open its contents.",
        },
        Step::Export => StepHelp {
            happens: "All selected items are copied into a directory of this machine. You can stop at any moment and continue \
                      later.",
            writes: "files in the directory; a journal of finished items in the state directory.",
            costs: "disk space for everything, artifacts included; AWS bills the reading from S3.",
        },
        Step::Import => StepHelp {
            happens: "The selected items are created on the target, as they are at the source. The import looks for each item \
                      before it creates it, so a second import has the same result.",
            writes: "the target and its artifact store; a journal and the pairs of old and new ids in the state directory.",
            costs: "requests to both ends; on AWS, storage and requests of the bucket, and traffic that leaves a region.",
        },
        Step::Validate => StepHelp {
            happens: "Both sides are read again and compared, item by item and field by field; the journal is not used.",
            writes: "reports as JSON, Markdown and HTML in the state directory; nothing on either side.",
            costs: "requests to both ends; by checksum, every byte of both sides is read.",
        },
    }
}
