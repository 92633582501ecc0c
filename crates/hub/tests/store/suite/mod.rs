//! The behaviour that every store must show: functions over the trait. An implementation runs all of them
//! by `every_case!`, giving an expression that makes a fresh [`Subject`].

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod changes;
pub(crate) mod columns;
pub(crate) mod imports;
pub(crate) mod latest;
pub(crate) mod merging;
pub(crate) mod names;
pub(crate) mod parallel;
pub(crate) mod people;
pub(crate) mod reads;
pub(crate) mod rules;
pub(crate) mod sightings;
pub(crate) mod staging;
pub(crate) mod tickets;
pub(crate) mod upkeep;

use std::sync::Arc;
use std::time::Duration;

use fleetlink_core::{
    Account, AccountVersion, Change, Commit, Delete, Deleter, PasswordHash, Query, Snapshot,
    Staged, StoreCall, StoreError, StoreReply, UploadChange,
};
use fleetlink_hub::store::{StageReply, Staging, Store};
use fleetlink_proto::control::{DeleteReply, FileList, Receipt, UploadMode};
use fleetlink_proto::samples::{SampleParser, Summary};
use fleetlink_proto::{ContentHash, DataFile, DeviceName, IdempotencyKey, Version, WallTime};

/// Something that holds a store's data while no store is open.
pub(crate) trait Subject {
    /// Opens the store; one that was opened before is dropped by then.
    fn open(&self) -> Arc<dyn Store>;
}

/// One test for each case of the suite.
macro_rules! every_case {
    ($subject:expr) => {
        $crate::suite::every_case! { $subject;
            accounts: are_kept, differ_by_more_than_case, have_one_winner,
                get_passwords, get_keys, are_found_by_their_folded_name,
                are_numbered_by_their_changes, are_counted, stay_while_they_have_files, are_needed_for_files;
            audit: goes_with_each_change, has_nothing_of_what_changed_nothing, has_events_without_a_change,
                is_found_by_every_filter, numbers_no_two_records_alike, is_bounded_by_age,
                is_bounded_by_number_and_keeps_strangers_apart,
                of_people_outlives_whatever_devices_do, tells_how_much_a_change_has_ended;
            changes: are_durable_when_answered, replace_and_append, count_versions_on,
                have_one_effect_a_key, refuse_a_key_for_another_change, do_not_mix_times,
                refuse_a_sum_that_does_not_fit, delete_files, delete_one_version_alone, are_journalled_without_gaps,
                need_what_they_commit;
            columns: are_exact_whatever_the_segments, are_exact_whatever_the_order_of_times,
                are_the_whole_file_without_ends, are_none_beyond_the_file, follow_every_change;
            imports: make_accounts_and_are_remembered, are_all_or_nothing,
                outlive_the_accounts, take_logins_away, forget_what_is_no_longer_given;
            latest: follow_every_change, are_found_where_nobody_told_them;
            merging: leaves_everything_but_the_number_of_segments, waits_for_snapshots_in_use,
                minds_replacements_and_deletions, does_not_mix_files;
            names: keep_data_files_apart, order_lists, go_through_every_change;
            parallel: commits_all_succeed, retries_have_one_effect,
                appends_are_all_there;
            people: have_logins_by_name, have_tokens_by_number, are_admitted_by_their_secrets,
                end_their_sessions_with_their_passwords, use_a_link_once_however_many_try,
                use_no_link_whose_time_is_over, are_bounded, are_noted_when_they_come,
                lose_the_tokens_of_a_removed_device, open_nothing_by_an_old_password,
                have_no_token_of_no_device, are_logged_out_by_order,
                forget_sessions_at_their_end_however_used;
            reads: page_through_files, page_through_the_files_of_all, join_open_ends, give_empty_files,
                see_what_was_answered, go_on_while_a_segment_is_replaced;
            rules: are_kept_in_the_order_in_which_they_count, are_refused_where_they_are_none, are_bounded,
                hold_devices_to_quotas_at_once, tell_how_long_data_files_stay;
            sightings: are_kept_and_the_same_when_they_are_written_twice, end_with_the_run_that_saw_them,
                go_with_their_account, do_not_lie_ahead_of_a_clock_that_was_set_back,
                tell_of_devices_with_their_data_files;
            staging: is_exclusive, is_for_one_change, has_a_key_of_its_own, is_invisible, resumes, is_forgotten_when_discarded,
                does_not_discard_what_is_committed, keeps_nothing_of_what_is_abandoned;
            upkeep: removes_old_interrupted_uploads, keeps_the_journal_without_bounds,
                bounds_the_journal_by_age_and_number,
                finds_the_oldest_files_beyond_the_bounds,
                keeps_files_by_the_first_rule_that_matches;
            tickets: are_kept_with_their_uses, make_accounts_and_replace_keys,
                for_a_prefix_never_replace_a_key, are_found_by_number_and_hash, are_counted_while_open,
                can_no_longer_be_used_after_their_end,
                are_used_once_by_the_same_key, have_no_more_winners_than_uses, are_forgotten,
                are_numbered_and_bounded_in_parallel, are_either_used_or_revoked, tell_a_free_name;
        }
    };
    ($subject:expr; $($module:ident: $($case:ident),+;)+) => {$(
        mod $module {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $crate::suite::$module::$case(&$subject).await;
                }
            )+
        }
    )+};
}
pub(crate) use every_case;

pub(crate) const AT: WallTime = WallTime::from_unix_millis(1_664_533_873_042);
pub(crate) use UploadMode::{Append, Replace};

pub(crate) fn name(text: &str) -> DeviceName {
    text.parse().unwrap()
}

pub(crate) fn key(bits: u128) -> IdempotencyKey {
    IdempotencyKey::from_bits(bits)
}

pub(crate) fn file(id: u32) -> DataFile {
    DataFile::numbered(id)
}

pub(crate) fn account(text: &str) -> Account {
    Account {
        name: name(text),
        password_hash: Some(PasswordHash::new(format!("$test${text}"))),
        created: AT,
        key: None,
        version: AccountVersion::default(),
    }
}

/// All accounts, by name, whatever their versions.
pub(crate) async fn accounts(store: &dyn Store) -> Result<Vec<Account>, StoreError> {
    let mut all: Vec<Account> = Vec::new();
    loop {
        let after = all.last().map(|account| account.name.clone());
        let page = Query::Accounts { after, limit: 2 };
        match store.execute(StoreCall::Query(page)).await? {
            StoreReply::Accounts(page) if page.is_empty() => return Ok(all),
            StoreReply::Accounts(page) => all.extend(page.into_iter().map(unversioned)),
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) fn unversioned(account: Account) -> Account {
    Account {
        version: AccountVersion::default(),
        ..account
    }
}

/// The account that a change has left.
pub(crate) fn left(reply: Result<StoreReply, StoreError>) -> Result<Option<Account>, StoreError> {
    match reply? {
        StoreReply::Account(account) => Ok(account.map(unversioned)),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn ask(store: &dyn Store, query: Query) -> Result<StoreReply, StoreError> {
    store.execute(StoreCall::Query(query)).await
}

pub(crate) fn summary(text: &[u8]) -> Summary {
    let mut parser = SampleParser::new();
    parser.feed(text).expect("good samples");
    parser.finish().expect("good samples")
}

/// Whole lines, larger than any store keeps in a row.
pub(crate) fn large(lines: u32) -> Vec<u8> {
    let lines = (0..lines).map(|n| format!("{}\n", 100_000 + n % 900_000));
    lines.collect::<String>().into_bytes()
}

pub(crate) fn is_conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    match result {
        Err(StoreError::Conflict(why)) => assert!(!why.is_empty()),
        other => panic!("no conflict: {other:?}"),
    }
}

/// Opens the store of a subject that has one account, `cam`.
pub(crate) async fn with_cam(subject: &dyn Subject) -> Arc<dyn Store> {
    let store = subject.open();
    add(&*store, "cam").await.unwrap();
    store
}

pub(crate) async fn add(store: &dyn Store, name: &str) -> Result<StoreReply, StoreError> {
    store
        .execute(StoreCall::Change(Change::AddAccount(account(name))))
        .await
}

pub(crate) fn finish(staging: Box<dyn Staging>, text: &[u8]) -> Result<Staged, StoreError> {
    let ends_open = text.last().is_some_and(|&last| last != b'\n');
    staging.finish(summary(text), ContentHash::of(text), ends_open)
}

/// An upload that replaces the file 1.
pub(crate) fn change(device: &str, bits: u128) -> UploadChange {
    UploadChange {
        device: name(device),
        key: key(bits),
        file: file(1),
        mode: Replace,
    }
}

/// Begins that upload, which nobody else is at.
pub(crate) async fn begin(
    store: &dyn Store,
    device: &str,
    bits: u128,
) -> Result<Box<dyn Staging>, StoreError> {
    match store.stage(change(device, bits)).await? {
        StageReply::Begun(staging) => Ok(staging),
        StageReply::Busy => panic!("it is being staged"),
    }
}

pub(crate) async fn stage(
    store: &dyn Store,
    device: &str,
    bits: u128,
    text: &[u8],
) -> Result<Staged, StoreError> {
    let mut staging = begin(store, device, bits).await?;
    assert_eq!(staging.held(), 0);
    for piece in text.chunks(100_000) {
        staging.write(piece)?;
    }
    finish(staging, text)
}

/// A change of the file of this device with this key, of which the rest varies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct To(pub(crate) &'static str, pub(crate) u32, pub(crate) u128);

pub(crate) async fn commit(
    store: &dyn Store,
    to: To,
    mode: UploadMode,
    staged: Staged,
) -> Result<Receipt, StoreError> {
    commit_at(store, to, mode, staged, AT).await
}

pub(crate) async fn commit_at(
    store: &dyn Store,
    To(device, id, bits): To,
    mode: UploadMode,
    staged: Staged,
    at: WallTime,
) -> Result<Receipt, StoreError> {
    let commit = Commit {
        device: name(device),
        file: file(id),
        mode,
        key: key(bits),
        staged,
        at,
    };
    execute_commit(store, commit).await
}

pub(crate) async fn execute_commit(
    store: &dyn Store,
    commit: Commit,
) -> Result<Receipt, StoreError> {
    match store
        .execute(StoreCall::Change(Change::Commit(Box::new(commit))))
        .await?
    {
        StoreReply::Committed(receipt, _) => Ok(receipt),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn upload(
    store: &dyn Store,
    to: To,
    mode: UploadMode,
    text: &[u8],
) -> Result<Receipt, StoreError> {
    let staged = stage(store, to.0, to.2, text).await?;
    commit(store, to, mode, staged).await
}

pub(crate) async fn delete(store: &dyn Store, to: To) -> Result<DeleteReply, StoreError> {
    delete_by(store, to, Deleter::Device, None).await
}

pub(crate) async fn delete_by(
    store: &dyn Store,
    To(device, id, bits): To,
    by: Deleter,
    version: Option<Version>,
) -> Result<DeleteReply, StoreError> {
    let call = StoreCall::Change(Change::Delete(Delete {
        device: name(device),
        file: file(id),
        key: key(bits),
        at: AT,
        by,
        version,
    }));
    match store.execute(call).await? {
        StoreReply::Deleted(reply, _) => Ok(reply),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn find_receipt(
    store: &dyn Store,
    device: &str,
    bits: u128,
) -> Result<Option<Receipt>, StoreError> {
    let (device, key) = (name(device), key(bits));
    match store
        .execute(StoreCall::Query(Query::FindReceipt { device, key }))
        .await?
    {
        StoreReply::Receipt(receipt) => Ok(receipt),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn summary_of(
    store: &dyn Store,
    device: &str,
    file: impl Into<DataFile>,
) -> Result<Summary, StoreError> {
    let (device, file) = (name(device), file.into());
    match store
        .execute(StoreCall::Query(Query::Summary { device, file }))
        .await?
    {
        StoreReply::Summary(summary) => Ok(summary),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn snapshot(
    store: &dyn Store,
    device: &str,
    file: impl Into<DataFile>,
) -> Result<Snapshot, StoreError> {
    let (device, file) = (name(device), file.into());
    match store
        .execute(StoreCall::Query(Query::Snapshot { device, file }))
        .await?
    {
        StoreReply::Snapshot(snapshot) => Ok(snapshot),
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn list(
    store: &dyn Store,
    device: &str,
    after: Option<DataFile>,
    limit: u32,
) -> FileList {
    let device = name(device);
    let call = StoreCall::Query(Query::ListFiles {
        device,
        after,
        limit,
    });
    match store.execute(call).await.unwrap() {
        StoreReply::Files(files) => files,
        other => panic!("{other:?}"),
    }
}

/// The whole file, as a download sends it.
pub(crate) async fn read(
    store: &dyn Store,
    device: &str,
    file: impl Into<DataFile>,
) -> Result<Vec<u8>, StoreError> {
    read_snapshot(store, &snapshot(store, device, file).await?).await
}

/// The whole file as it was when the snapshot was taken.
pub(crate) async fn read_snapshot(
    store: &dyn Store,
    snapshot: &Snapshot,
) -> Result<Vec<u8>, StoreError> {
    let mut text = Vec::new();
    let mut joint = false;
    for segment in &snapshot.segments {
        if joint {
            text.push(b'\n');
        }
        joint = segment.ends_open;
        let mut reader = store.open_segment(segment.clone()).await?;
        let mut buffer = vec![0; 10_000];
        loop {
            match reader.read(&mut buffer)? {
                0 => break,
                n => text.extend_from_slice(&buffer[..n]),
            }
        }
    }
    assert_eq!(text.len() as u64, snapshot.bytes());
    Ok(text)
}
