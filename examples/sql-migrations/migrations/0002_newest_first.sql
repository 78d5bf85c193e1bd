-- levain: no-transaction
-- Built while others go on writing, which cannot be done inside a transaction.
CREATE INDEX CONCURRENTLY notes_newest_first ON notes (written_at DESC);
