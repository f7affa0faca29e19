"""Which form of a trained classifier is served: the quickest of those that validation finds as good as the whole."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.evaluation.calibration import softmax
from models.evaluation.classification import fit_temperature, macro_f1
from models.intent.config import IntentConfig
from models.intent.corpus import Utterance
from models.intent.dataset import labels_of
from models.intent.distillation import distil
from models.intent.export import FULL_GRAPH, INT8_GRAPH, export_graph, quantise_graph, write_config
from models.intent.model import IntentModel
from models.intent.ngrams import PATHS, path_of
from models.intent.predict import IntentClassifier
from models.intent.rejection import reject_threshold
from models.intent.static_model import STATIC_FILE
from models.text.normalise import knows_chinese, normalise
from shopsight.contracts import INTENTS

MIN_CASES_PER_TEMPERATURE: Final = 40
LOSS_LIMIT: Final = 0.005
"""Macro-F1 that a compressed form may cost on validation; int8 makes one text 2.5 times as fast."""
FILES: Final = {"static": STATIC_FILE, "int8": INT8_GRAPH, "full": FULL_GRAPH}
"""Forms and their files, quickest first."""


def export_served(
    model: IntentModel,
    validation: Sequence[Utterance],
    unlabelled: Callable[[], Sequence[Utterance]],
    *,
    config: IntentConfig,
    tokenizer_file: Path,
    out_dir: Path,
    seed: int,
    scripts: Sequence[str],
) -> dict[str, Any]:
    """Write the form that is served; return its config.json, and what each form costs and why it is served or not.

    Args:
        model: the trained classifier.
        validation: chooses the form, the temperatures and the reject threshold.
        unlabelled: gives texts on which the static form is taught what the others answer; their labels are not read.
        config: settings of the run.
        tokenizer_file: the encoder's.
        out_dir: receives the artefact.
        seed: of the distillation.
        scripts: those that the training texts teach.
    """
    truth, texts = labels_of(validation), [normalise(u.text) for u in validation]
    raw = dict.fromkeys(PATHS, 1.0)

    def load(form: str) -> IntentClassifier:
        write_config(out_dir, config=config, tokenizer_file=tokenizer_file, graph=FILES[form], temperatures=raw)
        return IntentClassifier.load(out_dir)

    export_graph(model, out_dir / FULL_GRAPH)
    logits = {"full": load("full").logits(texts)}
    if config.quantise:
        quantise_graph(out_dir / FULL_GRAPH, out_dir / INT8_GRAPH)
        logits["int8"] = load("int8").logits(texts)
    if config.distillation_epochs:
        taught = [normalise(u.text) for u in unlabelled()]
        tokenizer = Tokenizer.from_file(str(tokenizer_file))
        tokenizer.enable_truncation(config.max_tokens)
        tokenizer.no_padding()
        distil(
            taught,
            load("int8" if config.quantise else "full").logits(taught),
            model.encoder.get_input_embeddings().weight,  # type: ignore[operator]
            tokenizer=tokenizer,
            encoder_knows_chinese=knows_chinese(tokenizer.get_vocab()),
            config=config,
            seed=seed,
        ).save(out_dir / STATIC_FILE)
        logits["static"] = load("static").logits(texts)
    reached = {form: macro_f1(truth, of.argmax(axis=1), labels=len(INTENTS)) for form, of in logits.items()}
    chosen = quickest_as_good(reached)
    megabytes = {form: round((out_dir / FILES[form]).stat().st_size / 1e6, 1) for form in reached}
    for form in reached.keys() - {chosen}:
        (out_dir / FILES[form]).unlink()
    temperatures = _fit_temperatures(texts, truth, logits[chosen])
    probabilities = softmax(logits[chosen] / np.array([[temperatures[path_of(text)]] for text in texts]))
    served = write_config(
        out_dir,
        config=config,
        tokenizer_file=tokenizer_file,
        graph=FILES[chosen],
        temperatures=temperatures,
        reject_below=reject_threshold(
            probabilities.max(axis=1),
            probabilities.argmax(axis=1) == truth,
            precision=config.answer_precision,
            min_coverage=config.min_coverage,
        ),
        scripts=scripts,
    )
    return served | {
        "form": chosen,
        "forms": {
            form: {
                "validation_macro_f1": reached[form],
                "validation_loss": reached["full"] - reached[form],
                "megabytes": megabytes[form],
                "decision": _decision(form, chosen, loss=reached["full"] - reached[form]),
            }
            for form in reached
        },
    }


def quickest_as_good(reached: Mapping[str, float]) -> str:
    """Return the quickest form that loses at most :data:`LOSS_LIMIT` of the full form's macro-F1.

    >>> quickest_as_good({"full": 0.930, "int8": 0.926, "static": 0.85})
    'int8'
    """
    return next(form for form in FILES if form in reached and reached["full"] - reached[form] <= LOSS_LIMIT)


def _decision(form: str, chosen: str, *, loss: float) -> str:
    if form == chosen:
        return "served"
    if loss > LOSS_LIMIT:
        return f"refused: it loses {100 * loss:.1f} points of macro-F1, and at most {100 * LOSS_LIMIT:.1f} are allowed"
    return f"not served: {chosen} is quicker and as good"


def _fit_temperatures(texts: Sequence[str], truth: NDArray[np.int64], logits: NDArray[np.floating]) -> dict[str, float]:
    """Return a temperature for each path; a path with few validation texts takes that of all."""
    everything = fit_temperature(truth, logits)
    temperatures = {}
    for path in PATHS:
        rows = np.flatnonzero([path_of(text) == path for text in texts])
        few = len(rows) < MIN_CASES_PER_TEMPERATURE
        temperatures[path] = everything if few else fit_temperature(truth[rows], logits[rows])
    return temperatures
