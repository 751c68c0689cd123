-- What attempts told language models and what came back, whatever became of them; written beside the attempt by its worker.
-- json, not jsonb: the order of parameters and schemas is kept.
CREATE TABLE attempt_transcripts (
    step_id    bigint NOT NULL,
    number     int NOT NULL,
    transcript json NOT NULL,
    PRIMARY KEY (step_id, number),
    FOREIGN KEY (step_id, number) REFERENCES attempts (step_id, number) ON DELETE CASCADE
);

-- Parameters that models do not take, learnt from their refusals. A provider whose kind or address changed is another endpoint.
CREATE TABLE model_refusals (
    provider   text NOT NULL,
    -- A hash: addresses may hold passwords.
    endpoint   text NOT NULL,
    model      text NOT NULL,
    parameter  text NOT NULL,
    -- By what the refused value is known again; empty for every value.
    value      text NOT NULL,
    refused_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (provider, endpoint, model, parameter, value)
);
