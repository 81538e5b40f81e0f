"""Every sentence and label of the page, by language.

English is the default of each field; another language is a `Texts` with all of them replaced. Labels
and help of the settings are in English where the settings are, in `model/settings.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from model.errors import LocalizedText, SettingName
from model.settings import SETTING_SPECS
from ui.text.error_texts import CHINESE_ERRORS, KOREAN_ERRORS

SettingTexts = Mapping[str, tuple[str, str]]  # name -> label, help


def _english_settings() -> SettingTexts:
    return {spec.name: (spec.label, spec.help) for spec in SETTING_SPECS}


@dataclass(frozen=True)
class Texts:
    """What is on the page; `{...}` is filled in where it is shown."""

    title: str = "Qwen2-VL chat"
    settings_title: str = "Settings"
    language: str = "Language"
    reset_settings: str = "Reset to defaults"
    settings_note: str = "Changes apply to your next message."
    groups: Mapping[str, str] = field(
        default_factory=lambda: {
            "image": "Pictures",
            "video": "Videos",
            "prompt": "Prompt",
            "answer": "Answer",
        }
    )
    settings: SettingTexts = field(default_factory=_english_settings)
    units: Mapping[str, str] = field(
        default_factory=lambda: {
            "tokens": "tokens",
            "px": "px",
            "frames/s": "frames/s",
            "frames": "frames",
            "s": "s",
        }
    )
    empty: str = "Drop a picture or a video anywhere on this page, or just ask."
    message: str = "Message"
    placeholder: str = "Ask about your pictures…"
    attach: str = "Attach"
    remove: str = "Remove {name}"
    dismiss: str = "Dismiss"
    attached: str = "Attached files"
    uploading: str = "Uploading: {percent} %"
    try_again: str = "Try again"
    not_copied: str = "Not copied"
    upload_too_large: str = (
        "{name} has {size}; the limit is {limit}. Attach a smaller or shorter one."
    )
    upload_too_large_here: str = (
        "{name} has {size}, which the server does not take. Attach a smaller or shorter one."
    )
    upload_not_stored: str = (
        "The server could not keep {name}; its disk may be full. Try again later."
    )
    upload_log_in: str = (
        "The server does not take {name} from you; reload the page, log in and attach it again."
    )
    upload_refused: str = "The server did not take {name} (status {status})."
    upload_unreadable: str = (
        "{name} can no longer be read; it may have been moved or changed. Attach it again."
    )
    upload_strange: str = "Something else than this page's server answered when {name} was sent; you may have to reload the page and log in."
    upload_connection: str = "{name} has not arrived: the connection broke."
    upload_silence: str = "{name} has not arrived: the server did not answer in time."
    storage_blocked: str = "Your browser keeps nothing for this page: a reload starts a new chat and forgets draft, settings and language. Allow cookies and site data for it to keep them."
    storage_full: str = "Your browser has no room left for this page: what you changed last is forgotten at a reload. Clear its site data to make room."
    script_error: str = (
        "A part of this page has failed; reload it if something does not react. Your chat is kept."
    )
    not_opened: str = "The server has not answered this page yet; check the connection or reload."
    read: str = "Read already: the answer will begin sooner"
    copy: str = "Copy"
    copied: str = "Copied"
    retry: str = "Retry"
    retry_penalised: str = "Retry with repetition penalty"
    undo: str = "Undo"
    reproduce: str = "Reproduce"
    reproduce_title: str = "Reproduce this answer"
    answer_number: str = "Answer"
    prompt_text: str = "Exact prompt"
    effective_settings: str = "Settings in force"
    files_in_export: str = (
        "The files that the code names are in the exported zip file; run it there."
    )
    export: str = "Export"
    verify: str = "Verify"
    verifying: str = (
        "Answering again with stock transformers, as soon as nobody else needs the model…"
    )
    verify_equal: str = "Equal: stock transformers gives the same {tokens} tokens."
    verify_differs: str = (
        "Different from token {token} on: the answer has {recorded}, stock transformers {stock}."
    )
    verify_rounding: str = "In 16 bits two nearly equal choices may swap; in float32 they do not."
    verify_cancelled: str = "Not verified."
    edit: str = "Edit"
    editing: str = "Editing an earlier message: the conversation goes on from there. Cancel"
    close: str = "Close"
    cancel: str = "Cancel"
    camera: str = "Take a picture with the camera"
    take_picture: str = "Take the picture"
    screen: str = "Take a picture of the screen"
    try_one: str = "Try one of these"
    examples: Mapping[str, str] = field(
        default_factory=lambda: {
            "describe": "Describe the image.",
            "which": "Which picture has the star?",
            "clip": "Which way does the circle move?",
            "locate": "Where is the cat?",
        }
    )
    picture_number: str = "Picture {number}"
    places: str = "Positions in pixels of the original picture ({width} × {height})"
    place_label: str = "Label"
    copy_json: str = "Copy as JSON"
    save_marked: str = "Save the picture"
    enlarge: str = "Enlarge {name}"
    clear: str = "New chat"
    conversation: str = "Conversation"
    loading: str = "Loading the model: {percent} %"
    load_failed: str = "The model could not be loaded. {reason}"
    connecting: str = "{reason} Trying again…"
    waiting_for_model: str = (
        "Your message is answered as soon as the model is loaded ({percent} %)."
    )
    waiting_for_server: str = "Your message is answered as soon as the model can be reached."
    queued: str = "Waiting: {people} ahead of you."
    queued_next: str = "One moment…"
    opening: str = "Opening the pictures and videos…"
    media: str = "Reading the video: {done} of {total}"
    vision: str = "Looking at pictures: {done} of {total}"
    reading: str = "Reading {total} tokens: {percent} %"
    stats_prompt: str = "{prompt} prompt tokens"
    stats_parts: str = "{reused} reused, {visual} visual"
    stats_evicted: str = "{evicted} not kept: memory was short"
    stats_first: str = "first word {seconds} s"
    stats_rate: str = "{rate} tokens/s"
    reasons: Mapping[str, str] = field(
        default_factory=lambda: {
            "length": "cut off at the longest answer",
            "cancelled": "stopped",
            "loop": "stopped because it repeated itself",
            "filtered": "held back by the server's filter",
            "refused": "declined by the model",
        }
    )
    broken_off: str = "broken off"
    thought: str = "Reasoning"
    thought_tokens: str = "Reasoning: {tokens} tokens"
    thinking: str = "Thinking: {characters} characters so far"
    cost_total: str = "{prompt} of {context} tokens"
    cost_alone: str = "{prompt} tokens"
    about: str = "about {number}"
    cost_item: str = "{tokens} tokens"
    first_page: str = "page 1 of {pages}"
    cost_memory: str = "{gigabytes} GB of GPU memory"
    cost_wait: str = "first word in about {seconds} s"
    fit: str = "Fit…"
    fit_budget: str = "Most tokens"
    fit_now: str = "Lower the resolution"
    look: str = "What the model sees"
    detail: str = "Detail"
    levels: Mapping[str, str] = field(
        default_factory=lambda: {
            "auto": "As in the settings",
            "low": "Low",
            "medium": "Medium",
            "high": "High",
            "tokens": "Number of tokens",
            "exact": "Exact size",
        }
    )
    move_left: str = "Move left"
    move_right: str = "Move right"
    seen_size: str = "{original} → {seen} pixels"
    seen_tokens: str = "{grid} = {tokens} tokens"
    seen_frames: str = "{frames} frames"
    token_grid: str = "Show the tokens"
    original: str = "Original"
    region: str = "Part of {picture}"
    region_hint: str = "Drag over the picture to ask about a part of it."
    region_ask: str = "Ask about a part"
    region_sides: Mapping[str, str] = field(
        default_factory=lambda: {
            "left": "Left",
            "top": "Top",
            "right": "Right",
            "bottom": "Bottom",
        }
    )
    views: str = "Views"
    view_chat: str = "Chat"
    compare: str = "Compare"
    compare_title: str = "One message, two settings"
    compare_hint: str = "The message below is answered twice and stays where it is; the conversation does not change."
    compare_setting: str = "What differs"
    compare_add: str = "Add"
    compare_answering: str = "{side} is being answered…"
    compare_same: str = "Both answers have the same words."
    compare_differs: str = "Words that only one answer has are marked: {first} in A, {second} in B."
    compare_equal_settings: str = "The same settings"
    compare_take: str = "Use these settings"
    send: str = "Send"
    stop: str = "Stop"
    on: str = "on"
    off: str = "off"
    user_name: str = "Name"
    password: str = "Password"
    log_in: str = "Log in"
    log_in_wrong: str = "The name or the password is wrong."
    log_in_often: str = "Too many wrong passwords from your address; try again in {seconds} s."
    log_in_blocked: str = "Your browser did not keep the log-in: allow cookies for this page, or open it in a tab of its own."
    log_out: str = "Log out"
    stale_page: str = "This page is out of date; reload it."
    errors: Mapping[str, str] = field(default_factory=dict)  # by their English templates

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


ENGLISH = Texts()

CHINESE = Texts(
    title="Qwen2-VL 对话",
    settings_title="设置",
    language="语言",
    reset_settings="恢复默认值",
    settings_note="更改从下一条消息起生效。",
    groups={"image": "图片", "video": "视频", "prompt": "提示词", "answer": "回答"},
    settings={
        "min_tokens": ("最小尺寸", "过小的图片会被放大，直到至少占用这么多视觉词元。"),
        "max_tokens": (
            "最大尺寸",
            "过大的图片会被缩小到最多占用这么多视觉词元；数值越大细节越清楚，耗时也越长。",
        ),
        "resized_height": ("精确高度", "按此高度缩放，并取整到词元网格；需同时填写精确宽度。"),
        "resized_width": ("精确宽度", "按此宽度缩放，并取整到词元网格；需同时填写精确高度。"),
        "video_fps": ("每秒帧数", "模型在每秒视频中看到多少幅画面。"),
        "video_max_frames": ("最多帧数", "较长的视频会抽取得更稀疏，总帧数不超过此值。"),
        "video_min_tokens_per_frame": (
            "最小帧尺寸",
            "过小的帧会被放大到至少这么多视觉词元；每两帧共用一份。",
        ),
        "video_max_tokens_per_frame": (
            "最大帧尺寸",
            "帧会被缩小到最多这么多视觉词元；每两帧共用一份。",
        ),
        "video_start_s": ("开始时间", "忽略视频中这一秒之前的内容。"),
        "video_end_s": ("结束时间", "忽略视频中这一秒之后的内容。"),
        "vision_ids": (
            "为图片和视频编号",
            "在每个图片或视频前告诉模型“Picture 1: ”、“Video 1: ”，方便您引用。",
        ),
        "system_prompt": ("系统提示词", "对话开始前告诉模型的内容；留空则使用模型自带的默认值。"),
        "max_new_tokens": ("最长回答", "回答达到这么多词元后会被截断；一个汉字约为一个词元。"),
        "temperature": ("温度", "0 总是给出最可能的回答；数值越高，回答越多样。"),
        "top_p": ("Top p（核采样）", "只在累计概率达到此值的候选词中选择；温度大于 0 时才起作用。"),
        "top_k": (
            "Top k（候选数）",
            "只在这么多个候选词中选择，0 表示全部；温度大于 0 时才起作用。",
        ),
        "repetition_penalty": (
            "重复惩罚",
            "大于 1 时避免重复已用过的词；可防止无限循环，但不利于表格。",
        ),
        "seed": ("随机种子", "相同的种子会得到相同的回答；留空则每次随机。"),
    },
    units={"tokens": "词元", "px": "像素", "frames/s": "帧/秒", "frames": "帧", "s": "秒"},
    empty="把图片或视频拖到页面任意位置，或者直接提问。",
    message="消息",
    placeholder="就您的图片提问…",
    attach="添加",
    remove="移除 {name}",
    dismiss="关闭",
    attached="已添加的文件",
    uploading="正在上传：{percent}%",
    try_again="重新上传",
    not_copied="未能复制",
    upload_too_large="{name} 大小为 {size}，上限为 {limit}。请添加更小或更短的文件。",
    upload_too_large_here="{name} 大小为 {size}，服务器无法接收。请添加更小或更短的文件。",
    upload_not_stored="服务器无法保存 {name}，磁盘可能已满。请稍后重试。",
    upload_log_in="服务器拒绝接收您上传的 {name}；请重新加载页面、登录后再添加。",
    upload_refused="服务器没有接收 {name}（状态 {status}）。",
    upload_unreadable="无法再读取 {name}，它可能已被移动或修改。请重新添加。",
    upload_strange="上传 {name} 时，应答的不是本页面的服务器；可能需要重新加载页面并登录。",
    upload_connection="{name} 未送达：连接中断。",
    upload_silence="{name} 未送达：服务器没有及时应答。",
    storage_blocked="浏览器不为此页面保存数据：重新加载后会开始新对话，草稿、设置和语言也会丢失。允许此网站使用 Cookie 和网站数据即可保留。",
    storage_full="浏览器没有空间为此页面保存数据：最后的更改在重新加载后会丢失。请清理网站数据。",
    script_error="页面的一部分出错了；如有功能没有反应，请重新加载。对话不会丢失。",
    not_opened="服务器尚未回应此页面；请检查网络连接或重新加载。",
    read="已经读完：回答会更快开始",
    copy="复制",
    copied="已复制",
    retry="重试",
    retry_penalised="加重复惩罚重试",
    undo="撤回",
    reproduce="复现",
    reproduce_title="复现这条回答",
    answer_number="回答",
    prompt_text="完整提示词",
    effective_settings="生效的设置",
    files_in_export="代码中的文件在导出的 zip 文件里；请在解压后的文件夹中运行。",
    export="导出",
    verify="验证",
    verifying="模型空闲后，将用原版 transformers 重新回答…",
    verify_equal="一致：原版 transformers 给出同样的 {tokens} 个词元。",
    verify_differs="从第 {token} 个词元起不同：回答为 {recorded}，原版 transformers 为 {stock}。",
    verify_rounding="在 16 位精度下，两个概率几乎相同的选择可能互换；float32 下不会。",
    verify_cancelled="未验证。",
    edit="编辑",
    editing="正在编辑之前的消息：对话将从那里继续。取消",
    close="关闭窗口",
    cancel="取消",
    camera="用摄像头拍照",
    take_picture="拍照",
    screen="截取屏幕",
    try_one="试试这些",
    examples={
        "describe": "描述这张图片。",
        "which": "哪张图片里有星星？",
        "clip": "圆形朝哪个方向移动？",
        "locate": "猫在哪里？",
    },
    picture_number="图片 {number}",
    places="在原图中的像素位置（{width} × {height}）",
    place_label="标签",
    copy_json="复制为 JSON",
    save_marked="保存图片",
    enlarge="放大 {name}",
    clear="新对话",
    conversation="对话",
    loading="正在加载模型：{percent}%",
    load_failed="模型无法加载。{reason}",
    connecting="{reason}正在重试…",
    waiting_for_model="模型加载完成后会立即回答您的消息（{percent}%）。",
    waiting_for_server="连接到模型后会立即回答您的消息。",
    queued="排队中：前面还有 {people} 人。",
    queued_next="请稍候…",
    opening="正在打开图片和视频…",
    media="正在读取视频：{done} / {total}",
    vision="正在查看图片：{done}/{total}",
    reading="正在阅读 {total} 个词元：{percent}%",
    stats_prompt="提示词 {prompt} 个词元",
    stats_parts="复用 {reused}，视觉 {visual}",
    stats_evicted="内存不足，{evicted} 个未能保留",
    stats_first="首字 {seconds} 秒",
    stats_rate="每秒 {rate} 个词元",
    reasons={
        "length": "已达最长回答",
        "cancelled": "已停止",
        "loop": "因重复而停止",
        "filtered": "被服务器的过滤器拦截",
        "refused": "模型拒绝回答",
    },
    broken_off="已中断",
    thought="思考过程",
    thought_tokens="思考过程：{tokens} 个词元",
    thinking="思考中：已有 {characters} 个字符",
    cost_total="共 {prompt} / {context} 个词元",
    cost_alone="共 {prompt} 个词元",
    about="约 {number}",
    cost_item="{tokens} 个词元",
    first_page="第 1 页，共 {pages} 页",
    cost_memory="{gigabytes} GB 显存",
    cost_wait="约 {seconds} 秒后出现第一个字",
    fit="适配…",
    fit_budget="最多词元数",
    fit_now="降低分辨率",
    look="模型看到的内容",
    detail="精细度",
    levels={
        "auto": "按设置",
        "low": "低",
        "medium": "中",
        "high": "高",
        "tokens": "词元数",
        "exact": "精确尺寸",
    },
    move_left="左移",
    move_right="右移",
    seen_size="{original} → {seen} 像素",
    seen_tokens="{grid} = {tokens} 个词元",
    seen_frames="{frames} 帧",
    token_grid="显示词元",
    original="原图",
    region="{picture} 的一部分",
    region_hint="在图片上拖动，即可就其中一部分提问。",
    region_ask="就一部分提问",
    region_sides={"left": "左", "top": "上", "right": "右", "bottom": "下"},
    views="视图",
    view_chat="对话",
    compare="比较",
    compare_title="一条消息，两种设置",
    compare_hint="下方的消息会被回答两次，并留在原处；对话不会改变。",
    compare_setting="不同之处",
    compare_add="加入",
    compare_answering="正在回答 {side}…",
    compare_same="两个回答用词完全相同。",
    compare_differs="已标出只在一个回答中出现的词：A 中 {first} 个，B 中 {second} 个。",
    compare_equal_settings="设置相同",
    compare_take="采用这些设置",
    send="发送",
    stop="停止",
    on="开",
    off="关",
    user_name="用户名",
    password="密码",
    log_in="登录",
    log_in_wrong="用户名或密码错误。",
    log_in_often="来自您的地址的错误密码过多；请在 {seconds} 秒后重试。",
    log_in_blocked="浏览器没有保存登录信息：请允许此页面使用 Cookie，或在单独的标签页中打开。",
    log_out="退出登录",
    stale_page="此页面已过期；请重新加载。",
    errors=CHINESE_ERRORS,
)

KOREAN = Texts(
    title="Qwen2-VL 대화",
    settings_title="설정",
    language="언어",
    reset_settings="기본값으로 되돌리기",
    settings_note="변경 사항은 다음 메시지부터 적용됩니다.",
    groups={"image": "사진", "video": "동영상", "prompt": "프롬프트", "answer": "답변"},
    settings={
        "min_tokens": ("최소 크기", "작은 사진은 시각 토큰이 이만큼 이상이 되도록 확대됩니다."),
        "max_tokens": (
            "최대 크기",
            "큰 사진은 시각 토큰이 이만큼 이하가 되도록 축소됩니다. 클수록 세밀하지만 느려집니다.",
        ),
        "resized_height": (
            "정확한 높이",
            "이 높이에 맞추되 토큰 격자로 반올림합니다. 정확한 너비도 함께 입력해야 합니다.",
        ),
        "resized_width": (
            "정확한 너비",
            "이 너비에 맞추되 토큰 격자로 반올림합니다. 정확한 높이도 함께 입력해야 합니다.",
        ),
        "video_fps": ("초당 프레임", "모델이 동영상 1초마다 보는 장면의 수입니다."),
        "video_max_frames": (
            "최대 프레임",
            "긴 동영상은 프레임이 이 수를 넘지 않도록 더 드물게 뽑습니다.",
        ),
        "video_min_tokens_per_frame": (
            "최소 프레임 크기",
            "작은 프레임은 시각 토큰이 이만큼 이상이 되도록 확대됩니다. 두 프레임이 함께 씁니다.",
        ),
        "video_max_tokens_per_frame": (
            "최대 프레임 크기",
            "프레임은 시각 토큰이 이만큼 이하가 되도록 축소됩니다. 두 프레임이 함께 씁니다.",
        ),
        "video_start_s": ("시작 지점", "동영상에서 이 초 이전은 제외합니다."),
        "video_end_s": ("끝 지점", "동영상에서 이 초 이후는 제외합니다."),
        "vision_ids": (
            "사진과 동영상에 번호 붙이기",
            "각 항목 앞에 'Picture 1: ', 'Video 1: '을 알려 주어 번호로 가리킬 수 있습니다.",
        ),
        "system_prompt": (
            "시스템 프롬프트",
            "대화에 앞서 모델에게 알려 주는 내용입니다. 비워 두면 모델의 기본값을 씁니다.",
        ),
        "max_new_tokens": ("답변 최대 길이", "답변이 이 토큰 수에 이르면 잘립니다."),
        "temperature": ("온도", "0이면 항상 가장 그럴듯한 답변을, 높을수록 다양한 답변을 냅니다."),
        "top_p": (
            "Top p(누적 확률)",
            "확률의 합이 이 값이 되는 단어들 가운데서 고릅니다. 온도가 0보다 클 때만 쓰입니다.",
        ),
        "top_k": (
            "Top k(후보 수)",
            "가장 그럴듯한 이 수의 단어 가운데서 고르며 0은 전체입니다. 온도가 0보다 클 때만 쓰입니다.",
        ),
        "repetition_penalty": (
            "반복 억제",
            "1보다 크면 이미 쓴 단어를 피합니다. 무한 반복을 막지만 표에는 해롭습니다.",
        ),
        "seed": ("시드", "같은 시드는 같은 답변을 냅니다. 비워 두면 매번 새로 정합니다."),
    },
    units={"tokens": "토큰", "px": "픽셀", "frames/s": "프레임/초", "frames": "프레임", "s": "초"},
    empty="사진이나 동영상을 이 페이지 아무 곳에나 놓거나, 바로 질문하세요.",
    message="메시지",
    placeholder="사진에 대해 물어보세요…",
    attach="첨부",
    remove="{name} 제거",
    dismiss="닫기",
    attached="첨부한 파일",
    uploading="올리는 중: {percent}%",
    try_again="다시 올리기",
    not_copied="복사하지 못함",
    upload_too_large="{name}의 크기는 {size}이고 한도는 {limit}입니다. 더 작거나 짧은 파일을 첨부하세요.",
    upload_too_large_here="{name}의 크기는 {size}이며 서버가 받지 않습니다. 더 작거나 짧은 파일을 첨부하세요.",
    upload_not_stored="서버가 {name}을(를) 저장하지 못했습니다. 디스크가 가득 찼을 수 있으니 나중에 다시 시도하세요.",
    upload_log_in="서버가 {name}을(를) 받지 않습니다. 페이지를 새로 고치고 로그인한 뒤 다시 첨부하세요.",
    upload_refused="서버가 {name}을(를) 받지 않았습니다(상태 {status}).",
    upload_unreadable="{name}을(를) 더 이상 읽을 수 없습니다. 옮겨졌거나 바뀌었을 수 있으니 다시 첨부하세요.",
    upload_strange="{name}을(를) 보냈을 때 이 페이지의 서버가 아닌 다른 곳이 답했습니다. 페이지를 새로 고치고 로그인해야 할 수 있습니다.",
    upload_connection="{name}이(가) 도착하지 않았습니다. 연결이 끊겼습니다.",
    upload_silence="{name}이(가) 도착하지 않았습니다. 서버가 제때 답하지 않았습니다.",
    storage_blocked="브라우저가 이 페이지의 데이터를 저장하지 않습니다. 새로 고치면 새 대화가 시작되고 초안, 설정, 언어가 사라집니다. 쿠키와 사이트 데이터를 허용하면 유지됩니다.",
    storage_full="브라우저에 이 페이지를 위한 공간이 없습니다. 마지막 변경 사항은 새로 고치면 사라집니다. 사이트 데이터를 정리하세요.",
    script_error="페이지의 일부가 작동하지 않습니다. 반응이 없으면 새로 고치세요. 대화는 유지됩니다.",
    not_opened="서버가 아직 이 페이지에 답하지 않았습니다. 연결을 확인하거나 새로 고치세요.",
    read="이미 읽었습니다. 답변이 더 빨리 시작됩니다",
    copy="복사",
    copied="복사됨",
    retry="다시 시도",
    retry_penalised="반복을 억제하여 다시 시도",
    undo="되돌리기",
    reproduce="재현",
    reproduce_title="이 답변 재현하기",
    answer_number="답변",
    prompt_text="정확한 프롬프트",
    effective_settings="적용된 설정",
    files_in_export="코드에 나오는 파일은 내보낸 zip 파일에 있습니다. 압축을 푼 폴더에서 실행하세요.",
    export="내보내기",
    verify="검증",
    verifying="모델이 비는 대로 원래의 transformers로 다시 답하는 중…",
    verify_equal="같음: 원래의 transformers도 같은 토큰 {tokens}개를 냅니다.",
    verify_differs="{token}번째 토큰부터 다름: 답변은 {recorded}, 원래의 transformers는 {stock}입니다.",
    verify_rounding="16비트에서는 거의 같은 두 선택이 뒤바뀔 수 있지만 float32에서는 그렇지 않습니다.",
    verify_cancelled="검증하지 않았습니다.",
    edit="편집",
    editing="이전 메시지를 편집하고 있습니다. 대화는 거기서부터 이어집니다. 취소",
    close="창 닫기",
    cancel="취소",
    camera="카메라로 사진 찍기",
    take_picture="사진 찍기",
    screen="화면 캡처",
    try_one="이런 질문을 해 보세요",
    examples={
        "describe": "이 그림을 설명해 주세요.",
        "which": "별이 있는 사진은 어느 것인가요?",
        "clip": "원은 어느 쪽으로 움직이나요?",
        "locate": "고양이는 어디에 있나요?",
    },
    picture_number="사진 {number}",
    places="원본 사진({width} × {height})의 픽셀 위치",
    place_label="라벨",
    copy_json="JSON으로 복사",
    save_marked="사진 저장",
    enlarge="{name} 크게 보기",
    clear="새 대화",
    conversation="대화",
    loading="모델을 불러오는 중: {percent}%",
    load_failed="모델을 불러오지 못했습니다. {reason}",
    connecting="{reason} 다시 시도하는 중…",
    waiting_for_model="모델을 불러오는 대로 답변합니다({percent}%).",
    waiting_for_server="모델에 연결되는 대로 답변합니다.",
    queued="대기 중: 앞에 {people}명이 있습니다.",
    queued_next="잠시만 기다려 주세요…",
    opening="사진과 동영상을 여는 중…",
    media="동영상을 읽는 중: {done} / {total}",
    vision="사진을 보는 중: {done}/{total}",
    reading="토큰 {total}개를 읽는 중: {percent}%",
    stats_prompt="프롬프트 토큰 {prompt}개",
    stats_parts="재사용 {reused}, 시각 {visual}",
    stats_evicted="메모리가 부족해 {evicted}개를 보관하지 못함",
    stats_first="첫 단어 {seconds}초",
    stats_rate="초당 토큰 {rate}개",
    reasons={
        "length": "최대 길이에서 잘림",
        "cancelled": "중지됨",
        "loop": "반복되어 중지됨",
        "filtered": "서버의 필터가 막음",
        "refused": "모델이 답변을 거절함",
    },
    broken_off="중단됨",
    thought="추론 과정",
    thought_tokens="추론 과정: 토큰 {tokens}개",
    thinking="생각하는 중: 현재 {characters}자",
    cost_total="토큰 {context}개 중 {prompt}개",
    cost_alone="토큰 {prompt}개",
    about="약 {number}",
    cost_item="토큰 {tokens}개",
    first_page="{pages}쪽 중 1쪽",
    cost_memory="GPU 메모리 {gigabytes} GB",
    cost_wait="첫 단어까지 약 {seconds}초",
    fit="맞추기…",
    fit_budget="최대 토큰 수",
    fit_now="해상도 낮추기",
    look="모델이 보는 것",
    detail="세밀함",
    levels={
        "auto": "설정대로",
        "low": "낮음",
        "medium": "중간",
        "high": "높음",
        "tokens": "토큰 수",
        "exact": "정확한 크기",
    },
    move_left="왼쪽으로",
    move_right="오른쪽으로",
    seen_size="{original} → {seen} 픽셀",
    seen_tokens="{grid} = 토큰 {tokens}개",
    seen_frames="프레임 {frames}개",
    token_grid="토큰 표시",
    original="원본",
    region="{picture}의 일부",
    region_hint="사진 위에서 끌면 그 부분에 대해 물을 수 있습니다.",
    region_ask="일부에 대해 묻기",
    region_sides={"left": "왼쪽", "top": "위", "right": "오른쪽", "bottom": "아래"},
    views="보기",
    view_chat="대화",
    compare="비교",
    compare_title="메시지 하나, 설정 둘",
    compare_hint="아래 메시지에 두 번 답합니다. 메시지는 그대로 남고 대화는 바뀌지 않습니다.",
    compare_setting="다르게 할 것",
    compare_add="추가",
    compare_answering="{side}에 답하는 중…",
    compare_same="두 답변의 단어가 모두 같습니다.",
    compare_differs="한쪽 답변에만 있는 단어를 표시했습니다: A {first}개, B {second}개.",
    compare_equal_settings="같은 설정",
    compare_take="이 설정 쓰기",
    send="보내기",
    stop="중지",
    on="켬",
    off="끔",
    user_name="이름",
    password="비밀번호",
    log_in="로그인",
    log_in_wrong="이름 또는 비밀번호가 맞지 않습니다.",
    log_in_often="사용 중인 주소에서 틀린 비밀번호가 너무 많이 입력되었습니다. {seconds}초 후에 다시 시도하세요.",
    log_in_blocked="브라우저가 로그인을 저장하지 않았습니다. 이 페이지의 쿠키를 허용하거나 별도의 탭에서 여세요.",
    log_out="로그아웃",
    stale_page="오래된 페이지입니다. 새로 고침하세요.",
    errors=KOREAN_ERRORS,
)

LANGUAGES: Mapping[str, tuple[str, Texts]] = {
    "en": ("English", ENGLISH),
    "zh": ("中文", CHINESE),
    "ko": ("한국어", KOREAN),
}


def texts_for(language: str) -> Texts:
    """The texts in `language`, a key of `LANGUAGES`; English for anything else."""
    return LANGUAGES.get(language, LANGUAGES["en"])[1]


def texts_accepted(accepted: str) -> Texts:
    """The texts in the first language of an `Accept-Language` header in which there are any."""
    for wanted in accepted.split(","):
        language = wanted.strip()[:2].lower()
        if language in LANGUAGES:
            return texts_for(language)
    return ENGLISH
