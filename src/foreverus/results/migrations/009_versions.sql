-- A question that took the place of an earlier one: everything from that one up to this is an earlier version. No
-- reference: the earlier one may be written later, with the session that answered it, or never.

ALTER TABLE messages ADD COLUMN replaces text;
