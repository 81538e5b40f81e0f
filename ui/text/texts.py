"""What a language has to say: every sentence and label of the page. The languages are in files of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from model.errors import LocalizedText, SettingName

SettingTexts = Mapping[str, tuple[str, str]]  # name -> label, help


def number(value: int) -> str:
    """`12,345`. English, Chinese and Korean all group digits by threes with commas.

    Errors do so in their templates (`{tokens:,}`) or where they are raised.
    """
    return f"{value:,}"


@dataclass(frozen=True, kw_only=True)
class Plural:
    """A sentence that tells how many, in the plural forms of CLDR that our languages have.

    English has `one` and `other`. Chinese and Korean have `other` only.
    """

    other: str
    one: str = ""
    by: str = ""  # the value that chooses `one`

    def format(self, **values: object) -> str:
        """Whole numbers are written as `number` does."""
        form = self.one if self.one and values[self.by] == 1 else self.other
        shown = {k: number(v) if isinstance(v, int) else v for k, v in values.items()}
        return form.format(**shown)


@dataclass(frozen=True)
class Texts:
    """What is on the page; `{...}` is filled in where it is shown."""

    title: str
    skip_to_composer: str
    settings_title: str
    language: str
    reset_settings: str
    settings_note: str
    groups: Mapping[str, str]
    advanced: str
    picture_detail: str
    picture_detail_help: str
    details: Mapping[str, str]
    settings: SettingTexts
    units: Mapping[str, str]
    empty: str
    empty_hint: str
    empty_hint_touch: str  # where nothing is dropped or pasted
    message: str
    placeholder: str
    attach: str
    remove: str
    dismiss: str
    attached: str
    uploading: str
    upload_label: str  # of the bar
    sent_when_uploaded: str
    try_again: str
    not_copied: str
    copy_said: str
    upload_too_large: str
    upload_too_large_here: str
    upload_not_stored: str
    upload_log_in: str
    upload_refused: str
    upload_unreadable: str
    upload_strange: str
    upload_connection: str
    upload_silence: str
    upload_not_taken: str
    text_too_long: str
    storage_blocked: str
    storage_full: str
    script_error: str
    not_opened: str
    connection_lost: str
    logged_out: str
    refused: str
    refused_because: str
    read: str
    copy: str
    copied: str
    how_sure: str
    sure_hint: str
    continue_answer: str
    retry: str
    retry_penalised: str
    undo: str
    reproduce: str
    reproduce_title: str
    answer_number: str
    prompt_text: str
    effective_settings: str
    files_in_export: str
    export: str
    verify: str
    verifying: str
    verify_equal: Plural
    verify_differs: str
    verify_rounding: str
    verify_cancelled: str
    edit: str
    edit_answer: str
    editing: str
    close: str
    zoom_in: str
    zoom_out: str
    cancel: str
    camera: str
    take_picture: str
    play: str
    pause: str
    switch_camera: str
    fetch_address: str
    fetching: str
    screen: str
    try_one: str
    tasks_label: str
    tasks: Mapping[str, str]
    task_questions: Mapping[str, str]
    find_questions: Mapping[str, str]  # by convention of places
    examples: Mapping[str, str]
    drop_here: str
    text_length: str
    latest: str
    image_number: str
    places: str
    place_label: str
    copy_json: str
    save_marked: str
    enlarge: str
    clear: str
    cleared: str
    chats: str
    chats_ask: str
    chats_keep: str
    chats_no: str
    chats_limits: str
    chats_empty: str
    chats_off: str
    chats_rename: str
    chats_delete: str
    chats_delete_ask: str
    chats_delete_now: str
    chats_forget: str
    chats_forget_ask: str
    chats_forget_now: str
    chats_too_large: str
    chats_refused: str
    chats_opening: str
    chats_lost: str
    chats_not_opened: str
    chats_unkept: str
    conversation: str
    loading: str
    load_failed: str
    connecting: str
    waiting_for_model: str
    waiting_for_server: str
    queued: str
    queued_next: str
    opening: str
    media: str
    vision: str
    reading: Plural
    stats_prompt: Plural
    stats_parts: str
    stats_evicted: str
    stats_first: str
    stats_rate: Plural
    reasons: Mapping[str, str]
    broken_off: str
    thought: str
    thought_tokens: Plural
    thinking: Plural
    cost_total: Plural
    cost_alone: Plural
    about: str
    cost_item: Plural
    page_number: str
    pages: str
    frames: str
    pages_text: str
    cost_memory: str
    cost_wait: str
    fit: str
    fit_budget: str
    fit_now: str
    look: str
    detail: str
    levels: Mapping[str, str]
    move_left: str
    move_right: str
    seen_size: str
    seen_tokens: Plural
    seen_frames: Plural
    token_grid: str
    original: str
    region: str
    region_hint: str
    region_ask: str
    region_sides: Mapping[str, str]
    views: str
    view_chat: str
    compare: str
    compare_title: str
    compare_hint: str
    checkpoint: str
    compare_setting: str
    compare_add: str
    compare_answering: str
    compare_same: str
    compare_differs: str
    compare_equal_settings: str
    compare_take: str
    send: str
    stop: str
    on: str
    off: str
    user_name: str
    password: str
    log_in: str
    log_in_wrong: str
    log_in_often: str
    log_in_blocked: str
    log_out: str
    stale_page: str
    errors: Mapping[str, str]  # by their English templates

    def said(self, sentence: str) -> str:
        """A `LocalizedText` in this language, in English if there is no translation; other strings as is."""
        if not isinstance(sentence, LocalizedText):
            return sentence
        values = {name: self._said_part(value) for name, value in sentence.values.items()}
        return self.errors.get(sentence.template, sentence.template).format(**values)

    def _said_part(self, value: object) -> object:
        if isinstance(value, SettingName):
            return f"“{self.settings[value][0]}”"
        return self.said(value) if isinstance(value, LocalizedText) else value
