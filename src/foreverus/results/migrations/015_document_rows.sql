-- A question reads the words and the direction of all chunks of its person: they stay in the row, where nothing has to be
-- unpacked for each of them.

ALTER TABLE document_chunks SET (toast_tuple_target = 8160);
