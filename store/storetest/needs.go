package storetest

import (
	"cmp"

	"github.com/stillframe/stillframe/store"
)

// needs says why a test does not apply to a backend, empty when it does.
type needs func(info store.Info, h Harness) string

func transactions(info store.Info, _ Harness) string {
	if !info.Transactions {
		return info.Server + " has no transactions: Atomic/RefusedWithoutTransactions asserts the refusal"
	}
	return ""
}

func noTransactions(info store.Info, _ Harness) string {
	if info.Transactions {
		return info.Server + " has transactions"
	}
	return ""
}

func views(info store.Info, _ Harness) string {
	if !info.Views {
		return info.Server + " has no views: ReadsInTx/ViewRefusedWithoutViews asserts the refusal"
	}
	return ""
}

func transactionsAndViews(info store.Info, h Harness) string {
	if reason := transactions(info, h); reason != "" {
		return reason
	}
	return views(info, h)
}

func noViews(info store.Info, _ Harness) string {
	if info.Views {
		return info.Server + " has views"
	}
	return ""
}

func lockingReads(info store.Info, h Harness) string {
	if !info.LockingReads {
		return info.Server + " has no locking reads"
	}
	return transactions(info, h)
}

func perReadMoments(info store.Info, h Harness) string {
	if info.SnapshotTx {
		return info.Server + " reads one snapshot in a Tx"
	}
	return transactions(info, h)
}

func snapshotTx(info store.Info, h Harness) string {
	if !info.SnapshotTx {
		return info.Server + " has no snapshot in a Tx"
	}
	return transactions(info, h)
}

func autoVersions(info store.Info, _ Harness) string {
	if !info.AutoVersion {
		return info.Server + " moves no versions: Versions/MadeByTheDatabaseIsRefused asserts the refusal"
	}
	return ""
}

func noAutoVersions(info store.Info, _ Harness) string {
	if info.AutoVersion {
		return info.Server + " moves versions"
	}
	return ""
}

func autoKeys(info store.Info, _ Harness) string {
	if !info.AutoKeys {
		return info.Server + " makes no keys: Mapping/KeyMadeByTheDatabaseIsRefused asserts the refusal"
	}
	return ""
}

func autoKeysInTx(info store.Info, h Harness) string {
	return cmp.Or(autoKeys(info, h), transactions(info, h))
}

func noAutoKeys(info store.Info, _ Harness) string {
	if info.AutoKeys {
		return info.Server + " makes keys"
	}
	return ""
}

func changes(info store.Info, _ Harness) string {
	if !info.Changes {
		return info.Server + " tells of no writes: ToldWrites/ChangesRefused asserts the refusal"
	}
	return ""
}

func noChanges(info store.Info, _ Harness) string {
	if info.Changes {
		return info.Server + " tells of writes"
	}
	return ""
}
