//! A refusal with everything known about it, and the wording and lookups shared by all causes.

use super::{Certainty, Class, Denial, Obstacle, Purpose, Rule, Words, purpose};
use crate::attempt::{Attempt, Object, Operation, Subject, UNMAPPED};
use crate::change::Change;
use crate::facts::{Entry, Facts, Inode, LoggedRefusal, Mount, Node, NodeId, Perms, Tag};
use crate::quote;

/// A refusal, the refused attempt and the facts that it follows from.
pub(super) struct Case<'a> {
    pub denial: &'a Denial,
    pub attempt: &'a Attempt,
    pub facts: &'a Facts,
}

impl<'a> Case<'a> {
    pub fn subject(&self) -> &'a Subject {
        &self.attempt.subject
    }

    /// The subject's name, for messages.
    pub fn who(&self) -> String {
        self.user(self.subject().uid)
    }

    pub fn user(&self, uid: u32) -> String {
        quote::display(self.facts.names.user(uid).as_bytes())
    }

    pub fn group(&self, gid: u32) -> String {
        quote::display(self.facts.names.group(gid).as_bytes())
    }

    /// The node that refuses, or at which the refusing mount was met.
    pub fn at(&self) -> Option<NodeId> {
        match self.denial.at {
            Obstacle::Node(id) | Obstacle::Mount(_, id) => Some(id),
            Obstacle::Port(_) | Obstacle::Setting(_) | Obstacle::Process => None,
        }
    }

    pub fn node(&self) -> Option<&'a Node> {
        self.at().map(|id| self.facts.node(id))
    }

    pub fn inode(&self) -> Option<&'a Inode> {
        self.node()?.inode.as_ref().ok()
    }

    /// Makes the subject the owner of the object, and its group the owning group. The group is left unchanged if it has fewer
    /// permissions than others: its members would then belong to the others, and gain access.
    pub fn given_back(&self, node: NodeId, inode: &Inode) -> Change {
        let names = &self.facts.names.groups;
        let for_a_group =
            inode.gid != 0 && inode.gid != inode.uid && names.contains_key(&inode.gid);
        let held_down = !inode.group_bits().contains(inode.other_bits());
        Change::Chown {
            node,
            uid: Some(self.subject().uid),
            gid: (!held_down && !for_a_group).then_some(self.subject().gid),
        }
    }

    /// The purpose of the refusing object's path.
    pub fn purpose(&self) -> Option<Purpose> {
        Some(purpose(&self.node()?.path, self.subject().uid, self.facts))
    }

    /// The mount that refuses, or that the refusing node lies on.
    pub fn mount(&self) -> Option<&'a Mount> {
        match self.denial.at {
            Obstacle::Mount(id, _) => self.facts.mounts.get(id.0),
            Obstacle::Node(id) => self.facts.mounts.get(self.facts.node(id).mount.0),
            Obstacle::Port(_) | Obstacle::Setting(_) | Obstacle::Process => None,
        }
    }

    /// The mount point of that mount, for messages; empty if there is none.
    pub fn mount_point(&self) -> String {
        self.mount()
            .map(|mount| quote::display(&mount.point))
            .unwrap_or_default()
    }

    /// The path that refuses, for messages; if no node refuses, the path of the attempt.
    pub fn path(&self) -> String {
        match (self.node(), &self.attempt.object) {
            (Some(node), _) => quote::display(&node.path),
            (None, Object::Path(path)) => quote::display(path),
            (None, Object::Port { port, .. }) => format!("port {port}"),
            (None, Object::Process) => "this".to_owned(),
            (None, Object::Another(pid)) => format!("process {pid}"),
        }
    }

    /// The object that was asked for, for messages.
    pub fn asked(&self) -> String {
        match &self.attempt.object {
            Object::Path(path) => quote::display(&self.facts.without_detours(path)),
            Object::Port { port, .. } => format!("port {port}"),
            Object::Process => "this".to_owned(),
            Object::Another(pid) => format!("process {pid}"),
        }
    }

    /// The path that was asked for, if the object is one.
    pub fn asked_bytes(&self) -> Option<&'a [u8]> {
        match &self.attempt.object {
            Object::Path(path) => Some(path),
            _ => None,
        }
    }

    /// The permission bits required of the refusing object; if the rule does not give them, all those of the attempt.
    pub fn wanted(&self) -> Perms {
        match &self.denial.rule {
            Rule::Class { wanted, .. }
            | Rule::Entry { wanted, .. }
            | Rule::GroupNotActive { wanted, .. } => *wanted,
            _ if self.is_on_the_way() => Perms::X,
            _ => match &self.attempt.operation {
                Operation::Open(how) => {
                    let read = if how.read { Perms::R } else { Perms::NONE };
                    let write = if how.write { Perms::W } else { Perms::NONE };
                    read.or(write)
                }
                Operation::List => Perms::R,
                Operation::Exec | Operation::Traverse => Perms::X,
                _ => Perms::W,
            },
        }
    }

    /// Whether the refusing node is only passed through: it is neither the object nor the directory in which a name is created
    /// or removed.
    fn is_on_the_way(&self) -> bool {
        let Some(id) = self.at() else { return false };
        let operation = &self.attempt.operation;
        let creates = matches!(operation, Operation::Open(how) if how.create);
        self.facts.walks().all(|walk| {
            let target = walk.target();
            let alters_parent = operation.takes_the_link_itself() || creates && target.is_none();
            target != Some(id) && !(alters_parent && walk.parent() == Some(id))
        })
    }

    /// A line in the notation of `ls -ld`, for the evidence: `drwxr-x--- deploy www /srv/app`.
    pub fn listing(&self, id: NodeId) -> String {
        let node = self.facts.node(id);
        let path = quote::display(&node.path);
        match &node.inode {
            Ok(inode) => {
                let plus = if matches!(node.acl, Ok(Some(_))) {
                    "+"
                } else {
                    ""
                };
                let names = &self.facts.names;
                let user = quote::display(names.user_word(inode.uid).as_bytes());
                let group = quote::display(names.group_word(inode.gid).as_bytes());
                format!("{}{plus} {user} {group} {path}", inode.listing())
            }
            Err(_) => format!("? {path} (cannot be seen from here)"),
        }
    }

    /// The wording of a refusal: who may not do what, and the rule that says so.
    pub fn words(&self, because: String, rule: String) -> Words {
        let listing = self.at().map(|id| self.listing(id));
        Words {
            summary: format!("{because}: {rule}."),
            because,
            evidence: listing.into_iter().chain([rule.clone()]).collect(),
            mark: rule,
        }
    }

    /// The wording of a refusal by a sandbox or security module, with the line of its log if there is one.
    pub fn module_words(&self, module: &str, rule: &str) -> Words {
        let how = match self.denial.certainty {
            Certainty::Proven => "refused it",
            Certainty::Inferred => "must have refused it: nothing else that can be seen does",
        };
        // Without an object to show, the rule is stated here.
        let because = match self.at() {
            Some(_) => format!("{module} {how}"),
            None => format!("{module} {how}: {rule}"),
        };
        let mut words = self.words(because, rule.to_owned());
        if let Rule::Module {
            evidence: Some(line),
        } = &self.denial.rule
        {
            words.evidence.push(quote::display(line.as_bytes()));
        }
        words
    }

    /// The line of the log in which the security module tells of the refusal.
    pub fn logged(&self) -> Option<LoggedRefusal> {
        match &self.denial.rule {
            Rule::Module {
                evidence: Some(line),
            } => LoggedRefusal::parse(line),
            _ => None,
        }
    }

    /// Which class or entry applied and what it grants, for the remark after the arrow.
    pub fn rule_in_words(&self) -> String {
        let who = self.who();
        match &self.denial.rule {
            Rule::Class { class, granted, .. } => {
                format!("{}: {granted} applies", self.class_in_words(*class))
            }
            Rule::Entry { entry, mask, .. } => self.entry_in_words(*entry, *mask),
            Rule::GroupNotActive { gid, .. } => {
                let group = self.group(*gid);
                format!("{who} is in group {group}, but this process was started before")
            }
            _ => self.denial.code.because().to_owned(),
        }
    }

    /// Why this class applies: "alice is neither deploy nor in group www".
    fn class_in_words(&self, class: Class) -> String {
        let who = self.who();
        let Some(inode) = self.inode() else {
            return match class {
                Class::Owner => format!("{who} is the owner"),
                Class::Group => format!("{who} is in its group"),
                Class::Other => format!("{who} is neither the owner nor in the group"),
            };
        };
        let (owner, group) = (self.user(inode.uid), self.group(inode.gid));
        let stranger = "its owner is a user of the host who does not exist in here";
        match class {
            Class::Group if inode.uid == UNMAPPED => {
                format!("{stranger}, and {who} is in group {group}")
            }
            Class::Other if inode.uid == UNMAPPED && inode.gid == UNMAPPED => stranger.to_owned(),
            Class::Other if inode.uid == UNMAPPED => {
                format!("{stranger}, and {who} is not in group {group}")
            }
            Class::Owner => format!("{who} is the owner"),
            Class::Group => format!("{who} is in group {group}, but not {owner}"),
            Class::Other => format!("{who} is neither {owner} nor in group {group}"),
        }
    }

    fn entry_in_words(&self, entry: Entry, mask: Option<Perms>) -> String {
        let who = self.who();
        let text = self.entry(entry);
        match (entry.tag, mask) {
            (_, Some(mask)) if !mask.contains(entry.perms) => {
                format!(
                    "the ACL entry {text} applies, cut to {} by mask::{mask}",
                    entry.perms.and(mask)
                )
            }
            (Tag::Other, _) => format!("no ACL entry is for {who}: {text} applies"),
            _ => format!("the ACL entry {text} applies"),
        }
    }

    /// An ACL entry in the notation of getfacl(1).
    pub fn entry(&self, entry: Entry) -> String {
        let names = &self.facts.names;
        let text = match entry.tag {
            Tag::Owner => format!("user::{}", entry.perms),
            Tag::User(uid) => format!("user:{}:{}", names.user_word(uid), entry.perms),
            Tag::OwningGroup => format!("group::{}", entry.perms),
            Tag::Group(gid) => format!("group:{}:{}", names.group_word(gid), entry.perms),
            Tag::Mask => format!("mask::{}", entry.perms),
            Tag::Other => format!("other::{}", entry.perms),
        };
        quote::display(text.as_bytes())
    }

    /// What these permissions mean for the refusing object, in words that follow "may": "read and write".
    pub fn may(&self, perms: Perms) -> String {
        self.deeds(perms).join(" and ")
    }

    /// The same, in words that follow "may not": "read or write".
    pub fn may_not(&self, perms: Perms) -> String {
        self.deeds(perms).join(" or ")
    }

    fn deeds(&self, perms: Perms) -> Vec<&'static str> {
        let dir = self.inode().is_some_and(Inode::is_dir);
        let words = if dir {
            ["list", "create and delete files in", "pass through"]
        } else {
            ["read", "write", "run"]
        };
        // Listing a directory or creating in it includes passing through it.
        let perms = if dir && perms != Perms::X {
            perms.minus(Perms::X)
        } else {
            perms
        };
        [Perms::R, Perms::W, Perms::X]
            .into_iter()
            .zip(words)
            .filter(|(bit, _)| perms.contains(*bit))
            .map(|(_, word)| word)
            .collect()
    }
}
