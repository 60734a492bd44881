//! The text notation of facts: one line a path component, as readers of `ls -l` and getfacl(1) expect.
