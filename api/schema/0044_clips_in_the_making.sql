-- Whether a clip is being made of a recording is asked before its objects are removed.
CREATE INDEX recordings_by_clipped ON recordings (source) WHERE state = 'processing';
