"""From a record to a vector: scaled, missing said, tokens in the schema's order."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mdfnet.clinical.schema import Schema
from mdfnet.clinical.standardize import Standardizer
from mdfnet.core.errors import UserError
from mdfnet.models.fusion.encoder import ENCODERS, Columns, MLPEncoder, PaperEncoder, Patients, TokenEncoder

NAN = float("nan")
SCHEMA = Schema.load("age-sex-view")  # a number, then two categories
FITTED = Standardizer.fit(SCHEMA, np.array([[40, 0, 1], [60, 0, 1], [80, 1, 0]], np.float32))
RECORD = torch.tensor([[50, 1, 0], [NAN, 1, 0], [50, NAN, 0], [NAN, NAN, NAN]])


def encoder(name, dim=8):
    torch.manual_seed(0)
    made = ENCODERS[name](SCHEMA, dim, FITTED)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter))
    return made


@pytest.mark.parametrize("name", ENCODERS)
def test_every_record_gives_a_finite_vector(name):
    patients = encoder(name)(RECORD)
    assert patients.vector.shape == (4, 8) and patients.vector.isfinite().all() and patients.tokens.isfinite().all()
    assert len(patients.tokens) == len(patients.present) == 4
    assert patients.tokens.shape[:2] == patients.present.shape and patients.present.dtype == torch.bool


@pytest.mark.parametrize(
    ("value", "standard"),
    [
        pytest.param(60, 0, id="the training mean"),
        pytest.param(NAN, 0, id="missing: no number, the mask says so"),
        pytest.param(60 + np.std([40, 60, 80]), 1, id="one deviation"),
        pytest.param(1e6, 5, id="clamped at five"),
        pytest.param(-1e6, -5, id="clamped at minus five"),
    ],
)
def test_numbers_are_standardized_over_the_training_images(value, standard):
    found = Columns(SCHEMA, FITTED).standardized(torch.tensor([[value, 0, 0.0]]))
    assert found.shape == (1, 1) and found.item() == pytest.approx(standard, abs=1e-5)


def test_categories_are_one_hot_and_all_zero_where_missing():
    sex, view = Columns(SCHEMA, FITTED).chosen(RECORD)
    assert sex.tolist() == [[0, 1], [0, 1], [0, 0], [0, 0]]
    assert view.tolist()[0] == [1, 0] and view.tolist()[3] == [0, 0]


@pytest.mark.parametrize("name", ["mlp", "tokens"])
def test_nobody_known_is_one_learned_vector(name):
    made = encoder(name)
    assert torch.equal(made(RECORD).vector[3], made.no_record)
    torch.manual_seed(0)
    assert not ENCODERS[name](SCHEMA, 8, FITTED)(RECORD).vector[3].any(), "starts at zero"


@pytest.mark.parametrize("name", ["mlp", "tokens"])
def test_a_missing_value_is_not_an_average_one(name):
    average = torch.tensor([[60, 1, 0], [NAN, 1, 0.0]])
    known, missing = encoder(name)(average).vector
    assert not torch.isclose(known, missing).all()


def test_the_mlp_sees_numbers_categories_and_what_is_known():
    made = encoder("mlp")
    row = torch.tensor([[(50 - 60) / np.std([40, 60, 80]), 0, 1, 1, 0, 1, 1, 1]], dtype=torch.float32)
    torch.testing.assert_close(made(RECORD[:1]).vector, made.net(row))


def test_tokens_stand_in_the_schemas_order():
    """A schema with a category before its numbers: token i is of feature i."""
    schema = Schema.load("mimic-ed")
    order = torch.randperm(len(schema), generator=torch.Generator().manual_seed(0)).tolist()
    mixed = schema.model_copy(update={"features": tuple(schema.features[i] for i in order)})
    made = TokenEncoder(mixed, 8, Standardizer.of_ranges(mixed))
    record = torch.tensor([[67, 38.9, 110, 24, 91, 120, 70, 3, 2, 1.0]])[:, order]
    before = made(record)
    for i in range(len(mixed)):
        hidden = record.clone()
        hidden[0, i] = NAN
        after = made(hidden)
        changed = (before.tokens != after.tokens).any(2)[0]
        assert changed.nonzero().flatten().tolist() == [i]
        assert (~after.present[0]).nonzero().flatten().tolist() == [i]
        assert torch.equal(after.tokens[0, i], made.missing[i])


def test_a_numbers_token_is_its_direction_times_its_value():
    made = encoder("tokens")
    token = made(RECORD).tokens[0]
    value = (50 - 60) / np.std([40, 60, 80])
    torch.testing.assert_close(token[0], made.direction[0] * float(value) + made.offset[0])
    torch.testing.assert_close(token[1], made.choice[0][1] + made.offset[1])


@pytest.mark.parametrize(
    ("name", "age"), [("paper", 50.0), ("paper-scaled", (50 - 60) / np.std([40, 60, 80]))], ids=["raw", "scaled"]
)
def test_the_papers_vector_is_the_number_beside_embeddings(name, age):
    made = encoder(name)
    vector = made(RECORD).vector
    sex, view = (F.embedding(torch.tensor(i), e.weight) for i, e in zip((1, 0), made.embeddings, strict=True))
    torch.testing.assert_close(vector[0], torch.cat([torch.tensor([age], dtype=torch.float32), sex, view]))


def test_the_paper_fills_what_is_missing_with_the_mean_and_the_most_frequent():
    made = encoder("paper")
    filled = torch.tensor([[60, 0, 1.0]])
    torch.testing.assert_close(made(RECORD).vector[3:], made(filled).vector)


def test_the_papers_embeddings_fill_the_vector_to_the_last_number():
    for dim in (3, 7, 8):
        assert PaperEncoder(SCHEMA, dim, FITTED)(RECORD).vector.shape == (4, dim)
    with pytest.raises(UserError, match=r"2 is too narrow.*at least 3 for schema 'age-sex-view'"):
        PaperEncoder(SCHEMA, 2, FITTED)


def test_what_was_fitted_is_not_saved_with_the_weights():
    assert not [key for key in MLPEncoder(SCHEMA, 8, FITTED).state_dict() if key.startswith("columns")]


def test_a_vector_alone_is_one_token():
    patients = Patients.of(torch.rand(2, 4))
    assert torch.equal(patients.tokens[:, 0], patients.vector) and patients.present.all()
