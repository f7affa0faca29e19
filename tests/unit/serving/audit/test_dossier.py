"""The dossier of a model: what it says, that every number in it is checked, and both of its languages."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from models.evaluation.approval import DriftSummary, gate
from models.evaluation.bootstrap import Estimate
from models.evaluation.results import Evaluation
from models.registry.artefacts import ArtefactChangedError
from models.registry.journal import JournalBrokenError
from models.registry.registry import ModelRegistry, UnknownVersionError
from serving.audit.dossier.check import DossierCheck, check_dossier, compare
from serving.audit.dossier.content import dossier
from serving.audit.dossier.page import page
from serving.audit.dossier.reading import read_page
from serving.audit.dossier.wording import LANGUAGES, catalogue
from shopsight.errors import ShopsightError
from shopsight.families import FAMILIES, resolve
from shopsight.settings import Settings
from tests_clock import NOON  # type: ignore[import-not-found]
