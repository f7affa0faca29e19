"""Where everything lies below a home."""

from pathlib import Path


class HomePaths:
    """The files and folders of a home, by what they hold; :class:`shopsight.settings.Settings` names the home."""

    home: Path

    @property
    def landing_dir(self) -> Path:
        """Files dropped under ``landing/<format>/`` are picked up by a sensor."""
        return self.home / "landing"

    @property
    def collected_dir(self) -> Path:
        """The collector's journal: events that were accepted and are not in the event log yet."""
        return self.home / "collected"

    @property
    def live_items_path(self) -> Path:
        """Items as the collector was told of them, until the warehouse has taken that up."""
        return self.home / "live" / "items.jsonl"

    @property
    def event_log_dir(self) -> Path:
        """The append-only event log: the only source of truth."""
        return self.home / "event_log"

    @property
    def warehouse_path(self) -> Path:
        """DuckDB file that dbt, and nothing else, writes."""
        return self.home / "warehouse" / "warehouse.duckdb"

    @property
    def exports_dir(self) -> Path:
        """One Parquet file per exported mart, for every reader outside the warehouse."""
        return self.home / "warehouse" / "exports"

    @property
    def profiles_path(self) -> Path:
        """SQLite file with the profile of every shopper, made whole by the asset ``shopper_profiles``."""
        return self.home / "warehouse" / "profiles.sqlite"

    @property
    def groups_path(self) -> Path:
        """The centres of the behaviour groups, which the next refresh is matched to."""
        return self.home / "groups" / "grouping.json"

    @property
    def feature_store_dir(self) -> Path:
        """Feast's registry and its SQLite online store."""
        return self.home / "feature_store"

    @property
    def training_dir(self) -> Path:
        """Training sets, checkpoints and candidates on their way to the registry."""
        return self.home / "training"

    @property
    def registry_dir(self) -> Path:
        """The model registry: versions, cards, approvals."""
        return self.home / "registry"

    @property
    def bentoml_dir(self) -> Path:
        """BentoML's store of models and Bentos."""
        return self.home / "bentoml"

    @property
    def dagster_dir(self) -> Path:
        """Dagster's home: runs, schedules, sensors."""
        return self.home / "dagster"

    @property
    def predictions_dir(self) -> Path:
        """The prediction log."""
        return self.home / "predictions"

    @property
    def synonyms_path(self) -> Path:
        """The shop's words for the same thing, read by search and the assistant; it need not be there."""
        return self.home / "synonyms.yml"

    @property
    def rules_path(self) -> Path:
        """The shop's own rules for its lists; ``shopsight rules apply`` writes it."""
        return self.home / "rules.yml"

    @property
    def approvers_path(self) -> Path:
        """Who may decide about which models; where the file is missing, whoever is let in."""
        return self.home / "approvers.yml"

    @property
    def experiments_path(self) -> Path:
        """The shop's experiments on its lists; ``shopsight experiment apply`` writes it."""
        return self.home / "experiments.yml"

    @property
    def campaigns_path(self) -> Path:
        """The shop's campaigns; written by a person."""
        return self.home / "campaigns.yml"

    @property
    def stock_path(self) -> Path:
        """How the shop orders: lead times, service level, costs; written by a person."""
        return self.home / "stock.yml"

    @property
    def campaigns_dir(self) -> Path:
        """The journal of launched campaigns, and who was assigned what."""
        return self.home / "campaigns"

    @property
    def triggers_path(self) -> Path:
        """The shop's triggers; written by a person."""
        return self.home / "triggers.yml"

    @property
    def triggers_dir(self) -> Path:
        """The journal of what triggers fired, and who was held out."""
        return self.home / "triggers"

    @property
    def releases_path(self) -> Path:
        """How approved versions are released; ``shopsight release apply`` writes it."""
        return self.home / "releases.yml"

    @property
    def calendar_path(self) -> Path:
        """The shop's periods that are unlike others, such as sales; drift compares like with like."""
        return self.home / "calendar.yml"

    @property
    def currency_rates_path(self) -> Path:
        """The shop's own table of exchange rates, by day and currency."""
        return self.home / "currency_rates.csv"

    @property
    def labels_path(self) -> Path:
        """Texts that the shop's people labelled with their intent; ``shopsight label import`` writes it."""
        return self.home / "labels.parquet"

    @property
    def policies_dir(self) -> Path:
        """Pages of the shop's rules in Markdown, which the assistant quotes."""
        return self.home / "policies"

    @property
    def assistant_dir(self) -> Path:
        """Where each talk with the assistant stands, and what it handed over to people."""
        return self.home / "assistant"

    @property
    def answers_path(self) -> Path:
        """What was learnt from the shop's own marked answers; ``shopsight answers learn`` writes it."""
        return self.home / "answers"

    @property
    def strategies_path(self) -> Path:
        """The shop's own table of what to do with a text, by intent."""
        return self.home / "strategies.yml"

    @property
    def reports_dir(self) -> Path:
        """Drift reports and pictures that the Dagster UI links to."""
        return self.home / "reports"

    @property
    def run_dir(self) -> Path:
        """What `make up` says of itself while it runs."""
        return self.home / "run"

    @property
    def keys_dir(self) -> Path:
        """The keys of the pseudonyms, of the registry's journal and of the web UI, readable by their owner only."""
        return self.home / "keys"

    @property
    def item_images_dir(self) -> Path:
        """Images that the shop hands over of its items, named by their ids: `item_images/<item_id>.jpg`."""
        return self.home / "item_images"

    @property
    def picture_encoder_path(self) -> Path:
        """What turns pictures into numbers, exported once to ONNX."""
        return self.home / "pictures" / "encoder.onnx"

    @property
    def picture_model_path(self) -> Path:
        """What was learnt from the pictures of the items."""
        return self.home / "pictures" / "model.npz"

    @property
    def encoded_pictures_path(self) -> Path:
        """Pictures as the encoder saw them, so that each is encoded once."""
        return self.home / "pictures" / "encoded.npz"

    @property
    def thumbnails_dir(self) -> Path:
        """Small pictures of the items, made anew from their pixels, for pages to show."""
        return self.home / "pictures" / "thumbnails"
