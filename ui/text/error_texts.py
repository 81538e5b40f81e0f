"""What went wrong, in the other languages: the translations of every `LocalizedText` and `DemoError`.

The English templates are the keys. `tests/ui/text/test_error_texts.py` finds what is missing or left over.
"""

from __future__ import annotations

from collections.abc import Mapping

# English -> Chinese, Korean
_TRANSLATIONS: Mapping[str, tuple[str, str]] = {
    # Parts of sentences
    "The picture": ("图片", "사진"),
    "The clip": ("视频", "동영상"),
    "Picture {number}": ("图片 {number}", "사진 {number}"),
    "Video {number}": ("视频 {number}", "동영상 {number}"),
    "a HEIC picture": ("HEIC 图片", "HEIC 사진"),
    "a raw photo": ("RAW 照片", "RAW 사진"),
    "an AVIF picture": ("AVIF 图片", "AVIF 사진"),
    "a web page": ("网页", "웹 페이지"),
    "a video": ("视频", "동영상"),
    "a PDF document": ("PDF 文档", "PDF 문서"),
    "an SVG drawing": ("SVG 图形", "SVG 그림"),
    "a whole number": ("整数", "정수"),
    "a number": ("数字", "숫자"),
    "true or false": (" true 或 false", "true 또는 false"),
    "text": ("文本", "텍스트"),
    "no answer": ("没有响应", "응답 없음"),
    # The tray
    "A message can hold {most} characters; this one has {count}.": (
        "一条消息最多可以包含 {most} 个字符；这条有 {count} 个。",
        "메시지 하나에는 최대 {most}자를 담을 수 있습니다. 이 메시지는 {count}자입니다.",
    ),
    "A message can be about {most} places; take one back first.": (
        "一条消息最多可以涉及 {most} 处；请先移除一处。",
        "메시지 하나에는 최대 {most}곳을 가리킬 수 있습니다. 먼저 하나를 빼세요.",
    ),
    "That picture is not part of this conversation any more; attach it again.": (
        "该图片已不在此对话中；请重新添加。",
        "그 사진은 더 이상 이 대화에 없습니다. 다시 첨부하세요.",
    ),
    "Drag over a larger part of the picture.": (
        "请在图片上拖选更大的区域。",
        "사진에서 더 넓은 부분을 끌어서 고르세요.",
    ),
    "There is no resolution '{level}'.": (
        "没有名为“{level}”的分辨率。",
        "'{level}'라는 해상도는 없습니다.",
    ),
    "Setting '{name}' must be a number.": (
        "设置“{name}”必须是数字。",
        "설정 '{name}'은(는) 숫자여야 합니다.",
    ),
    "Setting '{name}' is out of range.": (
        "设置“{name}”超出范围。",
        "설정 '{name}'이(가) 범위를 벗어났습니다.",
    ),
    "It does not fit at any resolution; take something out or start over.": (
        "任何分辨率都放不下；请移除一些内容或重新开始。",
        "어떤 해상도로도 들어가지 않습니다. 무언가를 빼거나 새로 시작하세요.",
    ),
    "The server does not say how much it holds; name the most tokens.": (
        "服务器没有说明其容量；请填写最多词元数。",
        "서버가 용량을 알려 주지 않습니다. 최대 토큰 수를 적으세요.",
    ),
    "Video {number} is shown with {frames} of {asked} frames, so that it fits.": (
        "为放得下，视频 {number} 只取 {asked} 帧中的 {frames} 帧。",
        "들어가도록 동영상 {number}의 {asked}프레임 중 {frames}프레임만 보여 줍니다.",
    ),
    "Video {number} is shown with smaller frames, so that it fits.": (
        "为放得下，视频 {number} 的每帧已缩小。",
        "들어가도록 동영상 {number}의 프레임을 줄였습니다.",
    ),
    "This tab is a copy of another one; what is done in one of them does not change the other.": (
        "此标签页是另一个标签页的副本；在其中一个里所做的不会改变另一个。",
        "이 탭은 다른 탭의 사본입니다. 한쪽에서 한 일은 다른 쪽을 바꾸지 않습니다.",
    ),
    "It fits already.": ("已经放得下。", "이미 들어갑니다."),
    "Lowered to {percent} % of the visual tokens.": (
        "已降至视觉词元的 {percent} %。",
        "시각 토큰을 {percent} %로 줄였습니다.",
    ),
    "The page has too much to do; try again in a minute.": (
        "页面太忙；请一分钟后再试。",
        "페이지가 너무 바쁩니다. 1분 뒤에 다시 시도하세요.",
    ),
    # Settings
    "{setting} is {value}; it must be {wanted}.": (
        "{setting}的值是 {value}；应为{wanted}。",
        "{setting}의 값은 {value}입니다. 허용되는 값: {wanted}.",
    ),
    "{setting} has {count} characters; it can hold {most}.": (
        "{setting}有 {count} 个字符；最多可以有 {most} 个。",
        "{setting}: {count}자입니다. 최대 {most}자를 담을 수 있습니다.",
    ),
    "empty": ("空", "빈 값"),
    "between {low} and {high}": (" {low} 到 {high} 之间的值", "{low}부터 {high}까지"),
    "at least {low}": ("不小于 {low} 的值", "{low} 이상"),
    "{smallest} is {low} and {largest} is {high}; the smallest cannot exceed the largest.": (
        "{smallest}是 {low}，{largest}是 {high}；最小值不能大于最大值。",
        "{smallest}: {low}, {largest}: {high}. 최솟값은 최댓값보다 클 수 없습니다.",
    ),
    "{setting} is {value}; it must be even, because the model reads frames in pairs.": (
        "{setting}是 {value}；必须是偶数，因为模型成对读取帧。",
        "{setting}: {value}. 모델이 프레임을 둘씩 읽으므로 짝수여야 합니다.",
    ),
    "{height} and {width} go together; give both or neither.": (
        "{height}和{width}须同时填写，或都留空。",
        "{height}, {width}: 둘 다 입력하거나 둘 다 비워 두세요.",
    ),
    "{ending} is {end:g} s; it must be after {starting}, which is {start:g} s.": (
        "{ending}是 {end:g} 秒；必须晚于{starting}（{start:g} 秒）。",
        "{ending}: {end:g}초. {starting}({start:g}초)보다 뒤여야 합니다.",
    ),
    "There is no setting '{name}'; the settings are {names}.": (
        "没有名为“{name}”的设置；可用的设置有：{names}。",
        "'{name}'이라는 설정은 없습니다. 쓸 수 있는 설정: {names}.",
    ),
    "{exact_width} and {exact_height} ask for {width}x{height} pixels; "
    "at most {most:,} tokens of {px}x{px} are possible.": (
        "{exact_width}和{exact_height}要求 {width}x{height} 像素；最多只能有 {most:,} 个 {px}x{px} 的视觉词元。",
        "{exact_width}, {exact_height}: {width}x{height} 픽셀을 요구합니다. "
        "{px}x{px} 크기의 시각 토큰은 최대 {most:,}개까지 가능합니다.",
    ),
    "{exact_width} and {exact_height} ask for {width}x{height} pixels; "
    "one side can be at most {ratio} times the other.": (
        "{exact_width}和{exact_height}要求 {width}x{height} 像素；长边最多只能是短边的 {ratio} 倍。",
        "{exact_width}, {exact_height}: {width}x{height} 픽셀을 요구합니다. "
        "긴 변은 짧은 변의 최대 {ratio}배까지 가능합니다.",
    ),
    # Pictures and videos
    "That file was not uploaded here; attach it again.": (
        "该文件不是在这里上传的；请重新添加。",
        "여기에 올린 파일이 아닙니다. 다시 첨부하세요.",
    ),
    "{name} is neither a picture nor a video; attach a PNG or JPEG, or an MP4 (H.264).": (
        "{name} 既不是图片也不是视频；请添加 PNG 或 JPEG 图片，或 MP4 (H.264) 视频。",
        "{name} 파일은 사진도 동영상도 아닙니다. PNG나 JPEG 사진, 또는 MP4(H.264) 동영상을 첨부하세요.",
    ),
    "{name} could not be opened; save it as PNG or JPEG, or as MP4 (H.264), and attach it again.": (
        "无法打开 {name}；请另存为 PNG 或 JPEG，或 MP4 (H.264)，然后重新添加。",
        "{name} 파일을 열 수 없습니다. PNG나 JPEG, 또는 MP4(H.264)로 저장해서 다시 첨부하세요.",
    ),
    "{name} is damaged; save it as PNG or JPEG, or as MP4 (H.264), and attach it again.": (
        "{name} 已损坏；请另存为 PNG 或 JPEG，或 MP4 (H.264)，然后重新添加。",
        "{name} 파일이 손상되었습니다. PNG나 JPEG, 또는 MP4(H.264)로 저장해서 다시 첨부하세요.",
    ),
    "{name} takes too much time or memory to read; "
    "save it as PNG or JPEG, or as MP4 (H.264), and attach it again.": (
        "读取 {name} 需要过多的时间或内存；请另存为 PNG 或 JPEG，或 MP4 (H.264)，然后重新添加。",
        "{name} 파일을 읽는 데 시간이나 메모리가 너무 많이 듭니다. "
        "PNG나 JPEG, 또는 MP4(H.264)로 저장해서 다시 첨부하세요.",
    ),
    "{name} would take too long to read; save it as PNG or JPEG and attach it again.": (
        "读取 {name} 会花费太长时间；请另存为 PNG 或 JPEG 后重新添加。",
        "{name} 파일을 읽는 데 너무 오래 걸립니다. PNG나 JPEG로 저장해서 다시 첨부하세요.",
    ),
    "{name} takes too long to decode; choose a part with 'Start at' and 'End at', "
    "or convert it to MP4 (H.264) and attach it again.": (
        "解码 {name} 花费的时间太长；请用“开始时间”和“结束时间”选取一段，"
        "或转换为 MP4 (H.264) 后重新添加。",
        "{name} 파일을 디코딩하는 데 너무 오래 걸립니다. '시작 지점'과 '끝 지점'으로 일부를 고르거나, "
        "MP4(H.264)로 변환해서 다시 첨부하세요.",
    ),
    "A message can hold {most} files; {name} was left out.": (
        "一条消息最多包含 {most} 个文件；{name} 未被添加。",
        "메시지 하나에 파일을 {most}개까지 담을 수 있습니다. {name} 파일은 첨부되지 않았습니다.",
    ),
    "A message can hold {most} files; this one has {count}.": (
        "一条消息最多包含 {most} 个文件；这条有 {count} 个。",
        "메시지 하나에 파일을 {most}개까지 담을 수 있는데 {count}개가 있습니다.",
    ),
    "{name} is an office document; save the page that matters as PNG or JPEG and attach that.": (
        "{name} 是办公文档；请将所需页面保存为 PNG 或 JPEG 后添加。",
        "{name} 파일은 오피스 문서입니다. 필요한 쪽을 PNG나 JPEG로 저장하여 첨부하세요.",
    ),
    "{name} is a ZIP archive; unpack it and attach the pictures or videos in it.": (
        "{name} 是 ZIP 压缩包；请解压后添加其中的图片或视频。",
        "{name} 파일은 ZIP 압축 파일입니다. 압축을 풀고 안에 있는 사진이나 동영상을 첨부하세요.",
    ),
    "{name} has {width:,} x {height:,} pixels; at most {millions} million can be read, "
    "so make it smaller and attach it again.": (
        "{name} 有 {width:,} x {height:,} 像素；最多可读取 {millions} 百万像素，请缩小后重新添加。",
        "{name} 파일은 {width:,} x {height:,} 픽셀입니다. {millions}백만 픽셀까지 읽을 수 있으니 "
        "크기를 줄여 다시 첨부하세요.",
    ),
    "{name} is an empty file; attach another.": (
        "{name} 是空文件；请添加其他文件。",
        "{name}은(는) 빈 파일입니다. 다른 파일을 첨부하세요.",
    ),
    "{item} ({name}) is gone from the server; attach it again.": (
        "{item}（{name}）已不在服务器上；请重新添加。",
        "{item}({name}) 파일이 서버에 더 이상 없습니다. 다시 첨부하세요.",
    ),
    "{name} cannot be read any more; attach it again.": (
        "{name} 已无法读取；请重新添加。",
        "{name} 파일을 더 이상 읽을 수 없습니다. 다시 첨부하세요.",
    ),
    "{name} is damaged or incomplete; save it as PNG or JPEG and attach it again.": (
        "{name} 已损坏或不完整；请另存为 PNG 或 JPEG 后重新添加。",
        "{name} 파일이 손상되었거나 완전하지 않습니다. PNG나 JPEG로 저장해서 다시 첨부하세요.",
    ),
    "{name} is {what}, which cannot be read as a picture; "
    "save it as PNG or JPEG and attach it again.": (
        "{name} 是{what}，无法作为图片读取；请另存为 PNG 或 JPEG 后重新添加。",
        "{name} 파일({what})은 사진으로 읽을 수 없습니다. PNG나 JPEG로 저장해서 다시 첨부하세요.",
    ),
    "{name} is not a picture that can be read; save it as PNG or JPEG and attach it again.": (
        "{name} 不是可以读取的图片；请另存为 PNG 或 JPEG 后重新添加。",
        "{name} 파일은 읽을 수 있는 사진이 아닙니다. PNG나 JPEG로 저장해서 다시 첨부하세요.",
    ),
    "{name} has more than {millions} million pixels; make it smaller and attach it again.": (
        "{name} 超过 {millions} 兆像素；请缩小后重新添加。",
        "{name} 파일은 {millions}메가픽셀을 넘습니다. 더 작게 줄여서 다시 첨부하세요.",
    ),
    "{name} is not a complete base64 data: URL; attach the file instead.": (
        "{name} 不是完整的 base64 data: URL；请改为添加文件。",
        "{name}: 완전한 base64 data: URL이 아닙니다. 대신 파일을 첨부하세요.",
    ),
    "{name} is {width}x{height} pixels; one side can be at most {ratio} times "
    "the other, so crop it and attach it again.": (
        "{name} 的尺寸为 {width}x{height} 像素；长边最多只能是短边的 {ratio} 倍，请裁剪后重新添加。",
        "{name} 파일의 크기가 {width}x{height} 픽셀입니다. 긴 변은 짧은 변의 최대 {ratio}배까지 가능하니 "
        "잘라서 다시 첨부하세요.",
    ),
    "{url} is not an http or https address.": (
        "{url} 不是 http 或 https 地址。",
        "{url}: http나 https 주소가 아닙니다.",
    ),
    "{url} could not be fetched ({reason}); download it and attach the file.": (
        "无法获取 {url}（{reason}）；请下载后添加文件。",
        "{url}: 가져오지 못했습니다({reason}). 내려받아서 파일로 첨부하세요.",
    ),
    "{url} is a web address; download it and attach the file.": (
        "{url} 是网址；请下载后添加文件。",
        "{url}: 웹 주소입니다. 내려받아서 파일로 첨부하세요.",
    ),
    "{url} is larger than {most} MB; attach a smaller file.": (
        "{url} 超过 {most} MB；请添加更小的文件。",
        "{url}: {most}MB보다 큽니다. 더 작은 파일을 첨부하세요.",
    ),
    "{name} has no frame that can be decoded; convert it to MP4 (H.264) and attach it again.": (
        "{name} 没有可以解码的帧；请转换为 MP4 (H.264) 后重新添加。",
        "{name} 파일에는 디코딩할 수 있는 프레임이 없습니다. "
        "MP4(H.264)로 변환해서 다시 첨부하세요.",
    ),
    "{name} is damaged or not a video; convert it to MP4 (H.264) and attach it again.": (
        "{name} 已损坏或不是视频；请转换为 MP4 (H.264) 后重新添加。",
        "{name} 파일이 손상되었거나 동영상이 아닙니다. MP4(H.264)로 변환해서 다시 첨부하세요.",
    ),
    "{name} is in the format {codec}, which is not read; "
    "convert it to MP4 (H.264) and attach it again.": (
        "{name} 的编码是 {codec}，无法读取；请转换为 MP4（H.264）后重新添加。",
        "{name}은(는) {codec} 형식이라 읽을 수 없습니다. MP4(H.264)로 변환해 다시 첨부하세요.",
    ),
    "{name} is in a format without a decoder here; "
    "convert it to MP4 (H.264) and attach it again.": (
        "此处没有能解码 {name} 格式的解码器；请转换为 MP4 (H.264) 后重新添加。",
        "{name} 파일의 형식은 여기에서 디코딩할 수 없습니다. "
        "MP4(H.264)로 변환해서 다시 첨부하세요.",
    ),
    "{name} is {width}x{height} pixels large; at most 8K can be read, "
    "so convert it to MP4 (H.264) and attach it again.": (
        "{name} 的画面为 {width}x{height} 像素；最多只能读取 8K，请转换为 MP4 (H.264) 后重新添加。",
        "{name} 파일의 크기는 {width}x{height} 픽셀입니다. 최대 8K까지 읽을 수 있으니 "
        "MP4(H.264)로 변환해서 다시 첨부하세요.",
    ),
    "{name} has only sound in it; attach a video, or a picture.": (
        "{name} 里只有声音；请添加视频或图片。",
        "{name} 파일에는 소리만 있습니다. 동영상이나 사진을 첨부하세요.",
    ),
    "{name} has no pictures in it; attach a video, or a picture.": (
        "{name} 里没有画面；请添加视频或图片。",
        "{name} 파일에는 화면이 없습니다. 동영상이나 사진을 첨부하세요.",
    ),
    "{name} ends after {length:.1f} s, before the part that starts at {start:g} s; "
    "lower 'Start at'.": (
        "{name} 在 {length:.1f} 秒处结束，早于从 {start:g} 秒开始的部分；请调低“开始时间”。",
        "{name} 파일은 {length:.1f}초에 끝나는데 {start:g}초부터 보려고 합니다. "
        "'시작 지점'을 낮추세요.",
    ),
    "{name} is {length} long, and at most {most} can be read; "
    "choose a part with 'Start at' and 'End at', or trim it and attach it again.": (
        "{name} 长 {length}，最多只能读取 {most}；"
        "请用“开始时间”和“结束时间”选取一段，或剪短后重新添加。",
        "{name} 파일의 길이는 {length}이고 최대 {most}까지 읽을 수 있습니다. "
        "'시작 지점'과 '끝 지점'으로 일부를 고르거나, 잘라서 다시 첨부하세요.",
    ),
    "{name} is {width}x{height} pixels, the clip's first frame "
    "{first_width}x{first_height}; make all frames one size.": (
        "{name} 为 {width}x{height} 像素，而视频的第一帧为 {first_width}x{first_height}；"
        "请让所有帧的尺寸一致。",
        "{name} 파일은 {width}x{height} 픽셀인데 동영상의 첫 프레임은 "
        "{first_width}x{first_height}입니다. 모든 프레임의 크기를 같게 하세요.",
    ),
    # Answering
    "The texts have {characters:,} characters; the checkpoint holds {held:,} tokens. Shorten them or start over.": (
        "文本共有 {characters:,} 个字符；检查点最多容纳 {held:,} 个 token。请缩短文本或重新开始。",
        "텍스트가 모두 {characters:,}자입니다. 체크포인트에는 {held:,}토큰까지 들어갑니다. 텍스트를 줄이거나 처음부터 다시 시작하세요.",
    ),
    "The texts have {characters:,} characters; the checkpoint holds {held:,} tokens. Shorten them.": (
        "文字共有 {characters:,} 个字符，而模型最多容纳 {held:,} 个词元。请缩短文字。",
        "글이 {characters:,}자인데 모델은 토큰 {held:,}개까지 담을 수 있습니다. 글을 줄이세요.",
    ),
    "This conversation needs {needed:,} tokens; the checkpoint holds {held:,}. "
    "Lower the resolution of {item} or start over.": (
        "此对话需要 {needed:,} 个词元，而模型最多容纳 {held:,} 个。请降低{item}的分辨率或开始新对话。",
        "이 대화에는 토큰 {needed:,}개가 필요한데 모델은 {held:,}개까지 담을 수 있습니다. "
        "해상도를 낮추거나({item}) 새 대화를 시작하세요.",
    ),
    "This conversation needs {needed:,} tokens; the checkpoint holds {held:,}. "
    "Shorten your message or start over.": (
        "此对话需要 {needed:,} 个词元，而模型最多容纳 {held:,} 个。请缩短消息或开始新对话。",
        "이 대화에는 토큰 {needed:,}개가 필요한데 모델은 {held:,}개까지 담을 수 있습니다. "
        "메시지를 줄이거나 새 대화를 시작하세요.",
    ),
    "This message needs {needed:,} tokens; the checkpoint holds {held:,}. Shorten it.": (
        "此消息需要 {needed:,} 个词元，而模型最多容纳 {held:,} 个。请缩短消息。",
        "이 메시지에는 토큰 {needed:,}개가 필요한데 모델은 {held:,}개까지 담을 수 있습니다. 메시지를 줄이세요.",
    ),
    "This message needs {needed:,} tokens; the checkpoint holds {held:,}. "
    "Lower the resolution of {item}.": (
        "此消息需要 {needed:,} 个词元，而模型最多容纳 {held:,} 个。请降低{item}的分辨率。",
        "이 메시지에는 토큰 {needed:,}개가 필요한데 모델은 {held:,}개까지 담을 수 있습니다. 해상도를 낮추세요({item}).",
    ),
    "An answer is still being written; stop it first.": (
        "正在回答中；请先停止。",
        "아직 답변을 쓰고 있습니다. 먼저 중지하세요.",
    ),
    "{people} people are waiting already; try again in a minute.": (
        "已有 {people} 人在等待；请一分钟后再试。",
        "이미 {people}명이 기다리고 있습니다. 1분 뒤에 다시 시도하세요.",
    ),
    "Too much is being prepared for your address already; try again in a minute.": (
        "正在为您的地址准备的内容已经太多；请一分钟后再试。",
        "사용자 주소에서 요청한 작업이 이미 너무 많습니다. 1분 뒤에 다시 시도하세요.",
    ),
    "Too many conversations are open at your address; close one and load this page again.": (
        "您的地址打开的对话太多；请关闭一个，然后重新加载此页面。",
        "사용자 주소에서 열린 대화가 너무 많습니다. 하나를 닫고 이 페이지를 다시 불러오세요.",
    ),
    "Too many people use this page just now; try again later.": (
        "目前使用此页面的人太多；请稍后再试。",
        "지금 이 페이지를 쓰는 사람이 너무 많습니다. 나중에 다시 시도하세요.",
    ),
    "The answer repeated itself and was stopped; retry with a repetition penalty or ask differently.": (
        "回答开始重复，已被停止；请加重复惩罚重试，或换一种问法。",
        "답변이 같은 말을 되풀이하여 멈췄습니다. 반복을 억제하여 다시 시도하거나 다르게 물어보세요.",
    ),
    # Answers again, and conversations kept
    "Only answers at temperature 0 can be verified; the others are drawn by lot.": (
        "只有温度为 0 的回答可以验证；其余的是随机抽取的。",
        "온도가 0인 답변만 검증할 수 있습니다. 나머지는 무작위로 뽑힌 것입니다.",
    ),
    "This answer cannot be verified, because {name} cannot be opened any more ({reason}); "
    "attach it and ask again.": (
        "无法验证此回答：{name} 已无法打开（{reason}）；请重新添加并再次提问。",
        "{name} 파일을 더 이상 열 수 없어({reason}) 이 답변을 검증할 수 없습니다. 다시 첨부하고 물어보세요.",
    ),
    "This answer cannot be verified, because stock code cannot decode {name} ({reason}); "
    "save it as PNG or MP4 and ask again.": (
        "无法验证此回答：原版代码无法解码 {name}（{reason}）；请将其另存为 PNG 或 MP4 后再次提问。",
        "원래의 코드가 {name} 파일을 디코딩하지 못해({reason}) 이 답변을 검증할 수 없습니다. "
        "PNG나 MP4로 저장하고 다시 물어보세요.",
    ),
    "Only answers of a checkpoint in this program can be reproduced.": (
        "只有在本程序中运行的模型的回答才能复现。",
        "이 프로그램 안에서 실행한 체크포인트의 답변만 재현할 수 있습니다.",
    ),
    "{name} is not on the server any more, so this conversation cannot be exported.": (
        "{name} 已不在服务器上，因此无法导出这段对话。",
        "{name} 파일이 더 이상 서버에 없어 이 대화를 내보낼 수 없습니다.",
    ),
    "This zip file is not a conversation that was exported here, or it was changed; export it again.": (
        "这个 zip 文件不是从这里导出的对话，或者已被改动；请重新导出。",
        "이 zip 파일은 여기서 내보낸 대화가 아니거나 바뀌었습니다. 다시 내보내세요.",
    ),
    "The memory does not suffice to answer this again in one piece.": (
        "内存不足，无法一次性重新回答。",
        "메모리가 모자라 한 번에 다시 답할 수 없습니다.",
    ),
    "This conversation is too large to be restored.": (
        "这段对话太大，无法恢复。",
        "이 대화는 너무 커서 복원할 수 없습니다.",
    ),
    "There is a conversation on this page already; press New chat, then drop the zip file again.": (
        "此页面已有对话；请先点“新对话”，再把 zip 文件拖进来。",
        "이 페이지에 이미 대화가 있습니다. '새 대화'를 누른 다음 zip 파일을 다시 놓으세요.",
    ),
    "Something went wrong on the server; your message is kept. Try again.": (
        "服务器出错了；您的消息已保留。请重试。",
        "서버에 문제가 생겼습니다. 메시지는 그대로 있으니 다시 시도하세요.",
    ),
    "The memory does not suffice for this conversation; "
    "lower the resolution of its pictures or start over.": (
        "内存不足以处理这个对话；请降低图片分辨率，或重新开始。",
        "이 대화를 처리하기에 메모리가 부족합니다. 이미지 해상도를 낮추거나 새로 시작하세요.",
    ),
    "The graphics card failed under this answer; try again, and if that fails too, "
    "whoever runs this page has to restart it.": (
        "生成这个回答时显卡出错；请重试，如果仍然失败，需要由此页面的运营者重新启动它。",
        "이 답변을 만드는 중에 그래픽 카드에 오류가 생겼습니다. 다시 시도하고, 또 실패하면 이 페이지의 운영자가 다시 시작해야 합니다.",
    ),
    "Too many requests from your address; try again in {seconds} s.": (
        "来自您的地址的请求过多；请在 {seconds} 秒后重试。",
        "사용 중인 주소에서 요청을 너무 많이 보냈습니다. {seconds}초 후에 다시 시도하세요.",
    ),
    "Too many messages from your address: at most {count} a minute; try again in {seconds} s.": (
        "此页面每分钟只接受同一地址的 {count} 条消息；请在 {seconds} 秒后重试。",
        "이 페이지는 한 주소에서 1분에 메시지 {count}개만 받습니다. {seconds}초 뒤에 다시 시도하세요.",
    ),
    "This page is being shut down; try again in a few minutes.": (
        "此页面正在关闭；请几分钟后再试。",
        "이 페이지를 종료하는 중입니다. 몇 분 뒤에 다시 시도하세요.",
    ),
    "This page is being shut down; what there is of the answer is here, copy what you need.": (
        "此页面正在关闭；已生成的部分保留在这里，请复制需要的内容。",
        "이 페이지를 종료하는 중입니다. 지금까지의 답변이 여기 있으니 필요한 내용을 복사해 두세요.",
    ),
    # Uploads
    "The server could not keep the file; its disk may be full, so try again later or send a smaller one.": (
        "服务器无法保存此文件；磁盘可能已满，请稍后再试，或发送较小的文件。",
        "서버가 파일을 저장하지 못했습니다. 디스크가 가득 찼을 수 있으니 나중에 다시 시도하거나 더 작은 파일을 보내세요.",
    ),
    "Your address has as much on the server's disk as it may; start a new chat, or try again later with a smaller file.": (
        "您的地址在服务器磁盘上的文件已达上限；请开始新的对话，或稍后用较小的文件再试。",
        "이 주소에서 서버 디스크에 둘 수 있는 만큼을 모두 썼습니다. 새 대화를 시작하거나 나중에 더 작은 파일로 다시 시도하세요.",
    ),
    "The server's disk is full; try again later, or tell whoever runs this page.": (
        "服务器磁盘已满；请稍后再试，或告知此页面的运营者。",
        "서버의 디스크가 가득 찼습니다. 나중에 다시 시도하거나 이 페이지의 운영자에게 알려 주세요.",
    ),
    "The camera cannot be used; allow it in the browser and try again.": (
        "无法使用摄像头；请在浏览器中允许后重试。",
        "카메라를 쓸 수 없습니다. 브라우저에서 허용한 뒤 다시 시도하세요.",
    ),
    "The screen cannot be captured; allow it in the browser and try again.": (
        "无法截取屏幕；请在浏览器中允许后重试。",
        "화면을 캡처할 수 없습니다. 브라우저에서 허용한 뒤 다시 시도하세요.",
    ),
    # Loading
    "The model is still loading; try again shortly.": (
        "模型仍在加载；请稍后再试。",
        "모델을 아직 불러오고 있습니다. 잠시 뒤에 다시 시도하세요.",
    ),
    "The model could not be loaded ({reason}); see the terminal for details.": (
        "加载模型时出错（{reason}）；详情请看终端。",
        "모델을 불러오다가 문제가 생겼습니다({reason}). 자세한 내용은 터미널에 있습니다.",
    ),
    "The GPU is too small for {checkpoint}.": (
        "GPU 显存不足以运行 {checkpoint}。",
        "이 GPU의 메모리로는 {checkpoint} 모델을 쓸 수 없습니다.",
    ),
    "This is the bundled tiny checkpoint, which knows only simple shapes, colours and short texts; "
    "start with --checkpoint-path {checkpoint} for a full one.": (
        "这是自带的微型模型，只认识简单的形状、颜色和短文字，并且用英语回答；"
        "要使用完整模型，请以 --checkpoint-path {checkpoint} 启动。",
        "함께 제공되는 초소형 모델로, 간단한 도형과 색, 짧은 글자만 알고 영어로 답합니다. "
        "완전한 모델을 쓰려면 --checkpoint-path {checkpoint} 옵션으로 시작하세요.",
    ),
    "--flash-attn2 needs a CUDA GPU and this would run on {device}; leave the flag out.": (
        "--flash-attn2 需要 CUDA GPU，而这里会在 {device} 上运行；请去掉该选项。",
        "--flash-attn2에는 CUDA GPU가 필요한데 여기서는 {device}에서 실행됩니다. 이 옵션을 빼세요.",
    ),
    "--flash-attn2 cannot compute in float32; use --dtype bfloat16 or leave the flag out.": (
        "--flash-attn2 不支持 float32；请使用 --dtype bfloat16 或去掉该选项。",
        "--flash-attn2는 float32로 계산할 수 없습니다. --dtype bfloat16을 쓰거나 이 옵션을 빼세요.",
    ),
    "The model's numbers are not finite, so the answer was ended; "
    "whoever runs this page should start it with --dtype bfloat16 or float32.": (
        "模型的计算结果不是有限数，因此已结束回答；请运行此页面的人用 --dtype bfloat16 或 float32 启动。",
        "모델의 계산 결과가 유한하지 않아 답변을 끝냈습니다. "
        "이 페이지를 운영하는 사람이 --dtype bfloat16 또는 float32로 시작해야 합니다.",
    ),
    "The disk is full, so {checkpoint} could not be stored; make room, or set HF_HOME "
    "to a folder on a larger disk.": (
        "磁盘已满，无法保存 {checkpoint}；请腾出空间，或将 HF_HOME 设为更大磁盘上的文件夹。",
        "디스크가 가득 차서 {checkpoint}을(를) 저장할 수 없습니다. 공간을 비우거나 HF_HOME을 더 큰 디스크의 폴더로 설정하세요.",
    ),
    "{checkpoint} is gated; accept its terms on its page at the Hugging Face Hub and "
    "log in with `hf auth login`.": (
        "{checkpoint} 需要授权；请在 Hugging Face Hub 的页面上接受其条款，并用 `hf auth login` 登录。",
        "{checkpoint}은(는) 접근 승인이 필요합니다. Hugging Face Hub 페이지에서 약관에 동의하고 `hf auth login`으로 로그인하세요.",
    ),
    "The Hugging Face Hub has no {checkpoint}, or it is private; check the name, or "
    "log in with `hf auth login`.": (
        "Hugging Face Hub 上没有 {checkpoint}，或者它是私有的；请检查名称，或用 `hf auth login` 登录。",
        "Hugging Face Hub에 {checkpoint}이(가) 없거나 비공개입니다. 이름을 확인하거나 `hf auth login`으로 로그인하세요.",
    ),
    "{checkpoint} cannot be stored, because {folder} is not writable; set HF_HOME to a "
    "folder that is.": (
        "无法保存 {checkpoint}，因为 {folder} 不可写；请将 HF_HOME 设为可写的文件夹。",
        "{folder}에 쓸 수 없어 {checkpoint}을(를) 저장할 수 없습니다. HF_HOME을 쓸 수 있는 폴더로 설정하세요.",
    ),
    "{checkpoint} is neither a folder nor the id of a checkpoint, like {example}; "
    "check its spelling.": (
        "{checkpoint} 既不是文件夹，也不是模型 ID（例如 {example}）；请检查拼写。",
        "{checkpoint}은(는) 폴더도 아니고 {example} 같은 모델 ID도 아닙니다. 철자를 확인하세요.",
    ),
    "The Hugging Face Hub refuses to give {checkpoint} to this machine's account "
    "({status}); log in with `hf auth login`, or set HF_TOKEN to a token that may read it.": (
        "Hugging Face Hub 拒绝向本机账户提供 {checkpoint}（{status}）；请用 `hf auth login` 登录，或将 HF_TOKEN 设为有读取权限的令牌。",
        "Hugging Face Hub가 이 컴퓨터의 계정에 {checkpoint} 제공을 거부했습니다({status}). "
        "`hf auth login`으로 로그인하거나 읽기 권한이 있는 토큰을 HF_TOKEN에 설정하세요.",
    ),
    "The Hugging Face Hub had too many requests from this network (429), so {checkpoint} could "
    "not be fetched; wait some minutes, or log in with `hf auth login`.": (
        "此网络对 Hugging Face Hub 的请求过多（429），无法下载 {checkpoint}；请等几分钟，或用 `hf auth login` 登录。",
        "이 네트워크에서 Hugging Face Hub로 보낸 요청이 너무 많아(429) {checkpoint}을(를) 받지 못했습니다. "
        "몇 분 기다리거나 `hf auth login`으로 로그인하세요.",
    ),
    "{checkpoint} is not whole in the Hugging Face cache and HF_HUB_OFFLINE forbids to fetch it; "
    "unset HF_HUB_OFFLINE, or give the folder of a downloaded checkpoint.": (
        "Hugging Face 缓存中没有完整的 {checkpoint}，而 HF_HUB_OFFLINE 禁止下载；请取消设置 HF_HUB_OFFLINE，或指定已下载模型的文件夹。",
        "Hugging Face 캐시에 {checkpoint}이(가) 온전히 있지 않고 HF_HUB_OFFLINE 때문에 받을 수 없습니다. "
        "HF_HUB_OFFLINE 설정을 없애거나 내려받은 모델의 폴더를 지정하세요.",
    ),
    "This environment's proxy cannot be used ({reason}), so {checkpoint} could not be fetched; set HTTPS_PROXY and ALL_PROXY to one that is http://, or give the folder of a downloaded checkpoint.": (
        "无法使用此环境的代理（{reason}），因此无法获取 {checkpoint}；请将 HTTPS_PROXY 和 ALL_PROXY 设为 http:// 代理，或指定已下载的检查点的文件夹。",
        "이 환경의 프록시를 쓸 수 없어({reason}) {checkpoint}을(를) 받지 못했습니다. HTTPS_PROXY와 ALL_PROXY를 http:// 프록시로 설정하거나 내려받은 체크포인트의 폴더를 지정하세요.",
    ),
    "The proxy lets nobody through to {hub}, so {checkpoint} could not be fetched; check "
    "HTTPS_PROXY, or give the folder of a downloaded checkpoint.": (
        "代理不允许访问 {hub}，无法下载 {checkpoint}；请检查 HTTPS_PROXY，或指定已下载模型的文件夹。",
        "프록시가 {hub} 접속을 막아 {checkpoint}을(를) 받지 못했습니다. HTTPS_PROXY를 확인하거나 내려받은 모델의 폴더를 지정하세요.",
    ),
    "{hub}, or a proxy before it, is out of order ({status}), so {checkpoint} could not be fetched; "
    "try again later, or give the folder of a downloaded checkpoint.": (
        "{hub} 或其前面的代理出现故障（{status}），无法下载 {checkpoint}；请稍后再试，或指定已下载模型的文件夹。",
        "{hub} 또는 그 앞의 프록시에 문제가 있어({status}) {checkpoint}을(를) 받지 못했습니다. "
        "나중에 다시 시도하거나 내려받은 모델의 폴더를 지정하세요.",
    ),
    "The certificate of {hub} is not trusted, so {checkpoint} could not be fetched; set "
    "SSL_CERT_FILE to your network's certificates.": (
        "{hub} 的证书不受信任，无法下载 {checkpoint}；请将 SSL_CERT_FILE 设为所在网络的证书。",
        "{hub}의 인증서를 신뢰할 수 없어 {checkpoint}을(를) 받지 못했습니다. SSL_CERT_FILE을 네트워크의 인증서로 설정하세요.",
    ),
    "The download of {checkpoint} broke off; start again to go on where it ended, or give "
    "the folder of a downloaded checkpoint.": (
        "{checkpoint} 的下载中断了；请重新启动以从中断处继续，或指定已下载模型的文件夹。",
        "{checkpoint} 내려받기가 끊어졌습니다. 다시 시작하면 끊긴 곳부터 이어집니다. 또는 내려받은 모델의 폴더를 지정하세요.",
    ),
    "Something else answers in the place of {hub}, so {checkpoint} could not be fetched; open {hub} in a "
    "browser on this machine, where the network may ask for a log-in, and check HF_ENDPOINT.": (
        "应答的不是 {hub}，无法下载 {checkpoint}；请在本机浏览器中打开 {hub}（网络可能要求登录），并检查 HF_ENDPOINT。",
        "{hub} 대신 다른 것이 응답하여 {checkpoint}을(를) 받지 못했습니다. 이 컴퓨터의 브라우저에서 {hub}를 열어 보고"
        "(네트워크가 로그인을 요구할 수 있습니다) HF_ENDPOINT를 확인하세요.",
    ),
    "{hub} cannot be reached, so {checkpoint} could not be fetched; check the network (behind a proxy "
    "set HTTPS_PROXY), or give the folder of a downloaded checkpoint.": (
        "无法连接 {hub}，因而无法下载 {checkpoint}；请检查网络（使用代理时请设置 HTTPS_PROXY），或指定已下载模型的文件夹。",
        "{hub}에 연결할 수 없어 {checkpoint}을(를) 받지 못했습니다. 네트워크를 확인하거나(프록시를 쓰면 HTTPS_PROXY 설정) "
        "내려받은 모델의 폴더를 지정하세요.",
    ),
    "{hub} does not answer, so {checkpoint} could not be fetched; try again later, or give the "
    "folder of a downloaded checkpoint.": (
        "{hub} 没有应答，无法下载 {checkpoint}；请稍后再试，或指定已下载模型的文件夹。",
        "{hub}가 응답하지 않아 {checkpoint}을(를) 받지 못했습니다. 나중에 다시 시도하거나 내려받은 모델의 폴더를 지정하세요.",
    ),
    "{checkpoint} at the Hugging Face Hub has no {file}; give the id of a complete "
    "Qwen2-VL or Qwen2.5-VL checkpoint.": (
        "Hugging Face Hub 上的 {checkpoint} 没有 {file}；请给出完整的 Qwen2-VL 或 Qwen2.5-VL 模型的 ID。",
        "Hugging Face Hub의 {checkpoint}에 {file}이(가) 없습니다. 완전한 Qwen2-VL 또는 Qwen2.5-VL 모델의 ID를 지정하세요.",
    ),
    "--gpu-memory must be more than 0.": (
        "--gpu-memory 必须大于 0。",
        "--gpu-memory 값은 0보다 커야 합니다.",
    ),
    "--compile needs a model that fits on one GPU and this one needs {count}; leave the flag out.": (
        "--compile 需要单个 GPU 能容纳的模型，而此模型需要 {count} 个 GPU；请去掉此参数。",
        "--compile은 GPU 하나에 들어가는 모델이 필요한데 이 모델은 GPU {count}개가 필요합니다. 이 옵션을 빼세요.",
    ),
    "--compile needs a CUDA GPU and this would run on {device}; leave the flag out.": (
        "--compile 需要 CUDA GPU，而这里会在 {device} 上运行；请去掉该选项。",
        "--compile에는 CUDA GPU가 필요한데 여기서는 {device}에서 실행됩니다. 이 옵션을 빼세요.",
    ),
    "--compile and --flash-attn2 exclude each other; leave one of them out.": (
        "--compile 与 --flash-attn2 不能同时使用；请去掉其中一个。",
        "--compile과 --flash-attn2는 함께 쓸 수 없습니다. 둘 중 하나를 빼세요.",
    ),
    "--compile and --prompt-lookup exclude each other; leave one of them out.": (
        "--compile 与 --prompt-lookup 不能同时使用；请去掉其中一个。",
        "--compile과 --prompt-lookup은 함께 쓸 수 없습니다. 둘 중 하나를 빼세요.",
    ),
    "{checkpoint} is quantized in a way that cannot be compiled; leave --compile out.": (
        "{checkpoint} 的量化方式不支持编译；请去掉 --compile。",
        "{checkpoint}의 양자화 방식은 컴파일할 수 없습니다. --compile을 빼세요.",
    ),
    "--flash-attn2 needs FlashAttention-2; run `pip install kernels` for the prebuilt kernel "
    "or `pip install flash-attn --no-build-isolation` to build it.": (
        "--flash-attn2 需要 FlashAttention-2；请运行 `pip install kernels` 获取预编译内核，"
        "或运行 `pip install flash-attn --no-build-isolation` 自行编译。",
        "--flash-attn2에는 FlashAttention-2가 필요합니다. 미리 빌드된 커널은 "
        "`pip install kernels`로 설치하고, 직접 빌드하려면 "
        "`pip install flash-attn --no-build-isolation`을 실행하세요.",
    ),
    "There is no torch here to run a model with; run `pip install -r requirements_web_demo.txt`, "
    "or start with --backend openai.": (
        "这里没有 torch，无法运行模型；请运行 `pip install -r requirements_web_demo.txt`，"
        "或使用 --backend openai 启动。",
        "여기에는 모델을 실행할 torch가 없습니다. `pip install -r requirements_web_demo.txt`를 실행하거나 "
        "--backend openai로 시작하세요.",
    ),
    "There is no {device} device here; use {available}.": (
        "这里没有 {device} 设备；请使用 {available}。",
        "여기에는 {device} 장치가 없습니다. {available} 장치를 쓰세요.",
    ),
    "{checkpoint} holds an adapter beside its weights; add --adapter {checkpoint} to use it, "
    "or move its adapter_* files away to leave it out.": (
        "{checkpoint} 的权重旁边有一个适配器；要使用它请加上 --adapter {checkpoint}，"
        "不使用则把其中的 adapter_* 文件移走。",
        "{checkpoint}의 가중치 옆에 어댑터가 있습니다. 쓰려면 --adapter {checkpoint}을(를) 더하고, "
        "쓰지 않으려면 adapter_* 파일을 다른 곳으로 옮기세요.",
    ),
    "{checkpoint} is an adapter and no checkpoint; start with --checkpoint-path {base} "
    "--adapter {checkpoint}.": (
        "{checkpoint} 是适配器，不是模型；请用 --checkpoint-path {base} --adapter {checkpoint} 启动。",
        "{checkpoint}은(는) 모델이 아니라 어댑터입니다. --checkpoint-path {base} --adapter {checkpoint}(으)로 "
        "시작하세요.",
    ),
    "There is no folder {adapter}; give an adapter's folder or its hub id with --adapter.": (
        "没有文件夹 {adapter}；请用 --adapter 给出适配器所在的文件夹或其 Hub 名称。",
        "{adapter} 폴더가 없습니다. --adapter로 어댑터의 폴더나 허브 이름을 지정하세요.",
    ),
    "{adapter} holds no {file}; give the folder of a LoRA adapter with --adapter.": (
        "{adapter} 中没有 {file}；请用 --adapter 给出 LoRA 适配器所在的文件夹。",
        "{adapter}에 {file}이(가) 없습니다. --adapter로 LoRA 어댑터의 폴더를 지정하세요.",
    ),
    "{adapter} is no LoRA adapter of peft (its peft_type is {kind}); merge it into its checkpoint "
    "and give the merged folder with --checkpoint-path.": (
        "{adapter} 不是 peft 的 LoRA 适配器（其 peft_type 为 {kind}）；"
        "请把它合并到模型中，并用 --checkpoint-path 给出合并后的文件夹。",
        "{adapter}은(는) peft의 LoRA 어댑터가 아닙니다(peft_type: {kind}). "
        "모델에 병합한 뒤 병합된 폴더를 --checkpoint-path로 지정하세요.",
    ),
    "{adapter} needs peft's {option}, which is not supported; merge it into its checkpoint and "
    "give the merged folder with --checkpoint-path.": (
        "{adapter} 需要 peft 的 {option}，此处不支持；"
        "请把它合并到模型中，并用 --checkpoint-path 给出合并后的文件夹。",
        "{adapter}에는 peft의 {option}이(가) 필요한데 지원되지 않습니다. "
        "모델에 병합한 뒤 병합된 폴더를 --checkpoint-path로 지정하세요.",
    ),
    "{adapter} was made for {base}, and {checkpoint} is a {family} checkpoint; choose "
    "the one that it was made for with --checkpoint-path.": (
        "{adapter} 是为 {base} 制作的，而 {checkpoint} 是 {family} 模型；"
        "请用 --checkpoint-path 选择它所对应的模型。",
        "{adapter}은(는) {base}용인데 {checkpoint}은(는) {family} 모델입니다. "
        "--checkpoint-path로 이 어댑터의 원래 모델을 고르세요.",
    ),
    "The adapter {adapter} needs the package peft; run `pip install peft`.": (
        "适配器 {adapter} 需要 peft 包；请运行 `pip install peft`。",
        "어댑터 {adapter}에는 peft 패키지가 필요합니다. `pip install peft`를 실행하세요.",
    ),
    "The adapter {adapter} needs the package peft, which cannot be imported ({reason}); "
    "run `pip install --upgrade peft`.": (
        "适配器 {adapter} 需要 peft 包，但它无法导入（{reason}）；请运行 `pip install --upgrade peft`。",
        "어댑터 {adapter}에 필요한 peft 패키지를 가져올 수 없습니다({reason}). "
        "`pip install --upgrade peft`를 실행하세요.",
    ),
    "{file} of {adapter} is damaged ({reason}); copy or download the adapter again.": (
        "{adapter} 的 {file} 已损坏（{reason}）；请重新复制或下载该适配器。",
        "{adapter}의 {file} 파일이 손상되었습니다({reason}). 어댑터를 다시 복사하거나 내려받으세요.",
    ),
    "{adapter} changes {layer}, which {checkpoint} does not have; choose the checkpoint "
    "that it was made for ({base}) with --checkpoint-path.": (
        "{adapter} 要修改 {layer}，而 {checkpoint} 中没有它；"
        "请用 --checkpoint-path 选择它所对应的模型（{base}）。",
        "{adapter}이(가) 바꾸는 {layer}이(가) {checkpoint}에 없습니다. "
        "--checkpoint-path로 이 어댑터의 원래 모델({base})을 고르세요.",
    ),
    "{tensor} has the shape {theirs} in {adapter}, and {checkpoint} needs {ours}; "
    "choose the checkpoint that it was made for ({base}) with --checkpoint-path.": (
        "{adapter} 中 {tensor} 的形状是 {theirs}，而 {checkpoint} 需要 {ours}；"
        "请用 --checkpoint-path 选择它所对应的模型（{base}）。",
        "{adapter}에서 {tensor}의 모양은 {theirs}인데 {checkpoint}에는 {ours}이(가) 필요합니다. "
        "--checkpoint-path로 이 어댑터의 원래 모델({base})을 고르세요.",
    ),
    "{adapter} lacks {tensor}; copy or download the adapter again.": (
        "{adapter} 缺少 {tensor}；请重新复制或下载该适配器。",
        "{adapter}에 {tensor}이(가) 없습니다. 어댑터를 다시 복사하거나 내려받으세요.",
    ),
    "peft leaves {tensor} of {adapter} out of the model; run `pip install --upgrade peft`.": (
        "peft 没有把 {adapter} 的 {tensor} 放入模型；请运行 `pip install --upgrade peft`。",
        "peft가 {adapter}의 {tensor}을(를) 모델에 넣지 않았습니다. `pip install --upgrade peft`를 실행하세요.",
    ),
    "{checkpoint} is quantized with {method}, which this program does not read; choose a GPTQ or "
    "AWQ checkpoint with --checkpoint-path.": (
        "{checkpoint} 用 {method} 量化，本程序无法读取；请用 --checkpoint-path 选择 GPTQ 或 AWQ 模型。",
        "{checkpoint}은(는) {method}(으)로 양자화되어 이 프로그램이 읽을 수 없습니다. "
        "--checkpoint-path로 GPTQ나 AWQ 모델을 고르세요.",
    ),
    "{checkpoint} is quantized with {method} and needs {packages} ({reason}); run `{command}`.": (
        "{checkpoint} 用 {method} 量化，需要 {packages}（{reason}）；请运行 `{command}`。",
        "{checkpoint}은(는) {method}(으)로 양자화되어 {packages}이(가) 필요합니다({reason}). "
        "`{command}`를 실행하세요.",
    ),
    "{checkpoint} is a {model_type} checkpoint; "
    "choose a Qwen2-VL or Qwen2.5-VL one with --checkpoint-path.": (
        "{checkpoint} 是 {model_type} 模型；请用 --checkpoint-path 选择 Qwen2-VL 或 Qwen2.5-VL 模型。",
        "{checkpoint}의 모델 종류는 {model_type}입니다. "
        "--checkpoint-path로 Qwen2-VL이나 Qwen2.5-VL 모델을 고르세요.",
    ),
    "{checkpoint} is not a Qwen2-VL or Qwen2.5-VL checkpoint; choose one with --checkpoint-path.": (
        "{checkpoint} 不是 Qwen2-VL 或 Qwen2.5-VL 模型；请用 --checkpoint-path 选择一个。",
        "{checkpoint}: Qwen2-VL이나 Qwen2.5-VL 모델이 아닙니다. --checkpoint-path로 고르세요.",
    ),
    "There is no folder {checkpoint}; give a checkpoint's folder or its hub id.": (
        "没有文件夹 {checkpoint}；请给出模型所在的文件夹或其 Hub 名称。",
        "{checkpoint} 폴더가 없습니다. 모델의 폴더나 허브 이름을 지정하세요.",
    ),
    "The folder {checkpoint} holds no readable config.json; "
    "give the folder of a complete Qwen2-VL checkpoint.": (
        "文件夹 {checkpoint} 中没有可读取的 config.json；请给出完整 Qwen2-VL 模型的文件夹。",
        "{checkpoint} 폴더에 읽을 수 있는 config.json이 없습니다. "
        "완전한 Qwen2-VL 모델의 폴더를 지정하세요.",
    ),
    "{checkpoint} could not be fetched from the Hugging Face Hub; check the name and the "
    "network, or give the folder of a downloaded checkpoint.": (
        "无法从 Hugging Face Hub 获取 {checkpoint}；请检查名称和网络，或给出已下载模型的文件夹。",
        "Hugging Face Hub에서 {checkpoint} 모델을 가져오지 못했습니다. 이름과 네트워크를 확인하거나 "
        "내려받은 모델의 폴더를 지정하세요.",
    ),
    "The folder {checkpoint} holds no weights (*.safetensors); download the checkpoint again.": (
        "文件夹 {checkpoint} 中没有权重文件（*.safetensors）；请重新下载模型。",
        "{checkpoint} 폴더에 가중치 파일(*.safetensors)이 없습니다. 모델을 다시 내려받으세요.",
    ),
    # Weight files; what comes last is a remedy
    "download it again": ("请重新下载", "다시 내려받으세요"),
    "run `hf download {id} --force-download`": (
        "请运行 `hf download {id} --force-download`",
        "`hf download {id} --force-download`를 실행하세요",
    ),
    "{checkpoint} lacks {count} of its {total} weight files, {file} among them; {again}.": (
        "{checkpoint} 缺少 {total} 个权重文件中的 {count} 个，例如 {file}；{again}。",
        "{checkpoint}에 가중치 파일 {total}개 중 {count}개가 없습니다(예: {file}). {again}.",
    ),
    "{checkpoint} holds {file}, but neither {single} nor {index}, which would list it; {again}.": (
        "{checkpoint} 中有 {file}，但既没有 {single}，也没有列出它的 {index}；{again}。",
        "{checkpoint}에 {file}은(는) 있지만 {single}도, 그것을 나열하는 {index}도 없습니다. {again}.",
    ),
    "{checkpoint} holds its weights as {file} only; give a checkpoint with *.safetensors, "
    "or save this one anew with `save_pretrained`.": (
        "{checkpoint} 只有 {file} 形式的权重；请给出带有 *.safetensors 的模型，或用 `save_pretrained` 重新保存。",
        "{checkpoint}의 가중치는 {file} 형식뿐입니다. *.safetensors가 있는 모델을 지정하거나 "
        "`save_pretrained`로 다시 저장하세요.",
    ),
    "{file} in {checkpoint} cannot be read ({reason}); put it there and let this program read it.": (
        "无法读取 {checkpoint} 中的 {file}（{reason}）；请放好该文件并允许本程序读取。",
        "{checkpoint}의 {file}을(를) 읽을 수 없습니다({reason}). 파일을 제자리에 두고 이 프로그램이 읽을 수 있게 하세요.",
    ),
    "{file} in {checkpoint} is a Git LFS pointer in place of the weights; run "
    "`git lfs pull` in that folder.": (
        "{checkpoint} 中的 {file} 是 Git LFS 指针，而不是权重；请在该文件夹中运行 `git lfs pull`。",
        "{checkpoint}의 {file}은(는) 가중치가 아니라 Git LFS 포인터입니다. 그 폴더에서 `git lfs pull`을 실행하세요.",
    ),
    "{file} in {checkpoint} is cut off or damaged; {again}.": (
        "{checkpoint} 中的 {file} 不完整或已损坏；{again}。",
        "{checkpoint}의 {file}이(가) 잘렸거나 손상되었습니다. {again}.",
    ),
    "{key} in {file} of {checkpoint} has the shape {stored} and config.json asks for {wanted}; "
    "give the config.json that belongs to these weights.": (
        "{checkpoint} 的 {file} 中 {key} 的形状是 {stored}，而 config.json 要求 {wanted}；请使用与这些权重配套的 config.json。",
        "{checkpoint}의 {file}에 있는 {key}의 모양은 {stored}인데 config.json은 {wanted}을(를) 요구합니다. "
        "이 가중치에 맞는 config.json을 넣으세요.",
    ),
    "{checkpoint} lacks {count} of {total} weights: {key} is not in {file}; "
    "give a complete checkpoint.": (
        "{checkpoint} 缺少 {total} 个权重中的 {count} 个：{file} 中没有 {key}；请给出完整的模型。",
        "{checkpoint}에 가중치 {total}개 중 {count}개가 없습니다. {file}에 {key}이(가) 없습니다. 완전한 모델을 지정하세요.",
    ),
    "the weight files": ("权重文件", "가중치 파일"),
    "{key} in {file} of {checkpoint} has no place in the model that config.json describes; "
    "give the config.json that belongs to these weights.": (
        "{checkpoint} 的 {file} 中的 {key} 在 config.json 描述的模型里没有位置；请使用与这些权重配套的 config.json。",
        "{checkpoint}의 {file}에 있는 {key}은(는) config.json이 설명하는 모델에 자리가 없습니다. "
        "이 가중치에 맞는 config.json을 넣으세요.",
    ),
    "{key} in {file} of {checkpoint} holds {dtype} and config.json says nothing of quantization; "
    "give the config.json that belongs to these weights.": (
        "{checkpoint} 的 {file} 中的 {key} 是 {dtype} 类型，而 config.json 没有说明量化；请使用与这些权重配套的 config.json。",
        "{checkpoint}의 {file}에 있는 {key}은(는) {dtype}인데 config.json에는 양자화 설명이 없습니다. "
        "이 가중치에 맞는 config.json을 넣으세요.",
    ),
    "The config.json of {checkpoint} describes no model that can run ({reason}); "
    "give the config.json that belongs to these weights.": (
        "{checkpoint} 的 config.json 描述的模型无法运行（{reason}）；请使用与这些权重配套的 config.json。",
        "{checkpoint}의 config.json이 설명하는 모델은 실행할 수 없습니다({reason}). 이 가중치에 맞는 config.json을 넣으세요.",
    ),
    "{key} in {file} of {checkpoint} holds nothing but zeros, as after a download that broke off; "
    "{again}.": (
        "{checkpoint} 的 {file} 中的 {key} 全部为零，像是下载中断所致；{again}。",
        "{checkpoint}의 {file}에 있는 {key}이(가) 모두 0입니다. 내려받기가 중단된 듯합니다. {again}.",
    ),
    "This cannot be verified, because {key} in memory is not what the files of {checkpoint} "
    "hold; start the program again.": (
        "无法验证：内存中的 {key} 与 {checkpoint} 文件中的不同；请重新启动程序。",
        "메모리의 {key}이(가) {checkpoint} 파일의 내용과 달라 검증할 수 없습니다. 프로그램을 다시 시작하세요.",
    ),
    # The processor's files
    "{checkpoint} lacks {file}; {again}.": (
        "{checkpoint} 缺少 {file}；{again}。",
        "{checkpoint}에 {file}이(가) 없습니다. {again}.",
    ),
    "The processor of {checkpoint} does not work ({reason}); {again}.": (
        "{checkpoint} 的处理器无法工作（{reason}）；{again}。",
        "{checkpoint}의 프로세서가 작동하지 않습니다({reason}). {again}.",
    ),
    "{file} in {checkpoint} asks for {name}, which does not belong to Qwen2-VL or Qwen2.5-VL; "
    "give a complete checkpoint.": (
        "{checkpoint} 中的 {file} 要求 {name}，它不属于 Qwen2-VL 或 Qwen2.5-VL；请给出完整的模型。",
        "{checkpoint}의 {file}은(는) {name}을(를) 요구하는데, Qwen2-VL이나 Qwen2.5-VL의 것이 아닙니다. "
        "완전한 모델을 지정하세요.",
    ),
    "The processor of {checkpoint} does not fit its model ({name} is {has} there and {wanted} "
    "in config.json); give the files of one checkpoint.": (
        "{checkpoint} 的处理器与模型不匹配（{name} 在处理器中是 {has}，在 config.json 中是 {wanted}）；请使用同一个模型的文件。",
        "{checkpoint}의 프로세서가 모델과 맞지 않습니다({name}이(가) 프로세서에서는 {has}, config.json에서는 {wanted}). "
        "한 모델의 파일을 쓰세요.",
    ),
    "The chat template of {checkpoint} cannot be used ({reason}); {again}.": (
        "无法使用 {checkpoint} 的聊天模板（{reason}）；{again}。",
        "{checkpoint}의 채팅 템플릿을 쓸 수 없습니다({reason}). {again}.",
    ),
    "it leaves pictures or texts out": ("它漏掉了图片或文本", "사진이나 글을 빠뜨립니다"),
    "{checkpoint} needs {needed:.1f} GB and {free:.1f} GB are free; choose a "
    "smaller or a quantized checkpoint with --checkpoint-path, or try --dtype bfloat16.": (
        "{checkpoint} 需要 {needed:.1f} GB，可用 {free:.1f} GB；"
        "请用 --checkpoint-path 选择更小或量化的模型，或尝试 --dtype bfloat16。",
        "{checkpoint} 모델에는 {needed:.1f}GB가 필요한데 {free:.1f}GB만 비어 있습니다. "
        "--checkpoint-path로 더 작거나 양자화된 모델을 고르거나 --dtype bfloat16을 써 보세요.",
    ),
    "--flash-attn2 needs a GPU of NVIDIA's Ampere generation or later; leave the flag out.": (
        "--flash-attn2 需要 NVIDIA Ampere 或更新架构的 GPU；请去掉该参数。",
        "--flash-attn2는 NVIDIA Ampere 세대 이후의 GPU가 필요합니다. 이 옵션을 빼세요.",
    ),
    "{checkpoint} does not fit into the memory of this machine; choose a smaller or "
    "a quantized checkpoint with --checkpoint-path.": (
        "这台机器的内存容纳不下 {checkpoint}；请用 --checkpoint-path 选择更小或量化的模型。",
        "{checkpoint} 모델은 이 컴퓨터의 메모리에 들어가지 않습니다. "
        "--checkpoint-path로 더 작거나 양자화된 모델을 고르세요.",
    ),
    "{checkpoint} cannot be loaded: {reason}": (
        "无法加载 {checkpoint}：{reason}",
        "{checkpoint} 모델을 불러올 수 없습니다: {reason}",
    ),
    # Servers
    "--api-base is {address}; it must be an address such as http://localhost:8000/v1.": (
        "--api-base 的值是 {address}；它必须是类似 http://localhost:8000/v1 的地址。",
        "--api-base의 값은 {address}입니다. http://localhost:8000/v1과 같은 주소여야 합니다.",
    ),
    "There is no OpenAI-compatible server at {host}; --api-base usually ends in /v1.": (
        "{host} 上没有兼容 OpenAI 的服务器；--api-base 通常以 /v1 结尾。",
        "{host}에는 OpenAI 호환 서버가 없습니다. --api-base는 보통 /v1로 끝납니다.",
    ),
    "The server at {host} serves no model.": (
        "位于 {host} 的服务器没有提供任何模型。",
        "{host} 서버에 모델이 없습니다.",
    ),
    "The server at {host} cannot be reached; start it, or check --api-base.": (
        "无法连接位于 {host} 的服务器；请启动它，或检查 --api-base。",
        "{host} 서버에 연결할 수 없습니다. 서버를 시작하거나 --api-base를 확인하세요.",
    ),
    "The server at {host} has said nothing for {seconds:.0f} s; try again later.": (
        "位于 {host} 的服务器已有 {seconds:.0f} 秒没有回应；请稍后再试。",
        "{host} 서버가 {seconds:.0f}초 동안 아무 응답이 없습니다. 나중에 다시 시도하세요.",
    ),
    "The server at {host} does not accept the key; check the variable that --api-key-env names.": (
        "位于 {host} 的服务器不接受该密钥；请检查 --api-key-env 指定的变量。",
        "{host} 서버가 키를 받아들이지 않습니다. --api-key-env로 지정한 변수를 확인하세요.",
    ),
    "The server at {host} has too much to do; try again in {seconds:.0f} s.": (
        "位于 {host} 的服务器太忙；请在 {seconds:.0f} 秒后重试。",
        "{host} 서버가 너무 바쁩니다. {seconds:.0f}초 뒤에 다시 시도하세요.",
    ),
    "The server at {host} has too much to do; try again in a minute.": (
        "位于 {host} 的服务器太忙；请一分钟后再试。",
        "{host} 서버가 너무 바쁩니다. 1분 뒤에 다시 시도하세요.",
    ),
    "The server at {host} has no model {model}; choose with --api-model: {models}.": (
        "位于 {host} 的服务器没有模型 {model}；请用 --api-model 选择：{models}。",
        "{host} 서버에 {model} 모델이 없습니다. --api-model로 고르세요: {models}.",
    ),
    "The server at {host} has no model {model}; name one that it has with --api-model.": (
        "位于 {host} 的服务器没有模型 {model}；请用 --api-model 指定它提供的模型。",
        "{host} 서버에 {model} 모델이 없습니다. 서버에 있는 모델을 --api-model로 지정하세요.",
    ),
    "The server at {host} refused: {reason}": (
        "位于 {host} 的服务器拒绝了请求：{reason}",
        "{host} 서버가 요청을 거부했습니다: {reason}",
    ),
    "The server at {host} could not answer: {reason}": (
        "位于 {host} 的服务器无法回答：{reason}",
        "{host} 서버가 답하지 못했습니다: {reason}",
    ),
    "The server at {host} has run out of memory; lower the resolution or the longest answer, "
    "or start a new chat. It says: {reason}": (
        "位于 {host} 的服务器内存不足；请降低分辨率或缩短最长回答，或开始新对话。服务器说：{reason}",
        "{host} 서버의 메모리가 모자랍니다. 해상도나 답변 최대 길이를 낮추거나 새 대화를 시작하세요. "
        "서버의 말: {reason}",
    ),
    "The server at {host} sends requests on to {other}, where nothing is sent; "
    "if that is right, name it with --api-base.": (
        "位于 {host} 的服务器把请求转到 {other}，而这里不会向那里发送任何内容；如果确实如此，请用 --api-base 指定它。",
        "{host} 서버가 요청을 {other}(으)로 돌리지만 그곳에는 아무것도 보내지 않습니다. "
        "그곳이 맞다면 --api-base로 지정하세요.",
    ),
    "The proxy at {proxy} does not lead to the server at {host} ({reason}); "
    "correct HTTP_PROXY and its kind, or name the server in NO_PROXY.": (
        "位于 {proxy} 的代理无法通往位于 {host} 的服务器（{reason}）；"
        "请更正 HTTP_PROXY 等变量，或把该服务器写入 NO_PROXY。",
        "{proxy} 프록시가 {host} 서버로 이어지지 않습니다({reason}). "
        "HTTP_PROXY 등의 변수를 고치거나 서버를 NO_PROXY에 적으세요.",
    ),
    "The server's filter held back the rest of the answer; ask differently.": (
        "服务器的过滤器拦截了其余的回答；请换一种问法。",
        "서버의 필터가 나머지 답변을 막았습니다. 다르게 물어보세요.",
    ),
    "The model was still thinking when the longest answer was reached; "
    "raise 'Longest answer' and retry.": (
        "达到最长回答时模型仍在思考；请调高“最长回答”后重试。",
        "답변 최대 길이에 이르렀을 때 모델이 아직 생각하고 있었습니다. "
        "'답변 최대 길이'를 늘려서 다시 시도하세요.",
    ),
    "The model thought and gave no answer; retry, or ask differently.": (
        "模型思考后没有给出回答；请重试，或换一种问法。",
        "모델이 생각만 하고 답하지 않았습니다. 다시 시도하거나 다르게 물어보세요.",
    ),
    "The model's answer is empty; retry, or ask differently.": (
        "模型的回答是空的；请重试，或换一种问法。",
        "모델의 답변이 비어 있습니다. 다시 시도하거나 다르게 물어보세요.",
    ),
    "The server at {host} broke off its answer; try again.": (
        "位于 {host} 的服务器中断了回答；请重试。",
        "{host} 서버의 답변이 끊겼습니다. 다시 시도하세요.",
    ),
    "The server does not take {fields}; its own values apply.": (
        "服务器不接受 {fields}；将使用服务器自己的值。",
        "서버가 받지 않는 설정: {fields}. 서버의 값이 쓰입니다.",
    ),
    "The server takes no clips; their frames are sent as pictures, which costs about twice as much.": (
        "服务器不接受视频；视频帧会作为图片发送，开销约为两倍。",
        "서버가 동영상을 받지 않아 프레임을 사진으로 보냅니다. 비용이 두 배쯤 듭니다.",
    ),
    "The name {model} does not say which family the model is of; it is treated as {family}. "
    "If that is wrong, start with --model-family.": (
        "从名称 {model} 看不出模型属于哪个系列；现按 {family} 处理。如果不对，请用 --model-family 启动。",
        "{model}이라는 이름만으로는 모델의 계열을 알 수 없어 {family}로 다룹니다. 틀렸다면 --model-family로 시작하세요.",
    ),
    "The server resizes pictures or clips by its own limits; they cost other than shown.": (
        "服务器会按自己的限制缩放图片或视频；实际开销与显示的不同。",
        "서버가 자체 한도에 맞춰 사진이나 동영상 크기를 바꿉니다. 비용이 표시와 다릅니다.",
    ),
    "The server keeps the first {count} frames of a clip and drops the rest; whoever runs vLLM should "
    "start it with --media-io-kwargs, see docs/deploy.md.": (
        "服务器只保留视频的前 {count} 帧，其余的会丢弃；运行 vLLM 的人应使用 --media-io-kwargs 启动，参见 docs/deploy.md。",
        "서버가 동영상의 처음 {count}프레임만 쓰고 나머지는 버립니다. vLLM을 운영하는 사람은 --media-io-kwargs로 시작해야 "
        "합니다(docs/deploy.md 참고).",
    ),
    "The server leaves out the marks of boxes, which cannot be drawn then.": (
        "服务器会去掉方框的标记，因此无法画出方框。",
        "서버가 상자 표시를 빼고 보내서 상자를 그릴 수 없습니다.",
    ),
    "{note} Also: {more}": ("{note}另外：{more}", "{note} 또한: {more}"),
    # Around the page
    "Uploads cannot be kept in {folder} ({reason}); set GRADIO_TEMP_DIR to a folder that this user can write to.": (
        "无法将上传的文件保存在 {folder}（{reason}）；请将 GRADIO_TEMP_DIR 设为此用户可以写入的文件夹。",
        "{folder}에 업로드를 저장할 수 없습니다({reason}). GRADIO_TEMP_DIR을 이 사용자가 쓸 수 있는 폴더로 설정하세요.",
    ),
    "any folder for temporary files": ("任何临时文件夹", "임시 파일 폴더"),
    # Whose request it is
    "This page does not go by the name {name}; open it by its address, or start it with --allow-host {name}: "
    "behind a proxy, programs and plain HTTP need that.": (
        "此页面不使用名称 {name}；请用它的地址打开，或以 --allow-host {name} 启动：在代理之后，程序和普通 HTTP 需要它。",
        "이 페이지의 이름은 {name}이(가) 아닙니다. 주소로 열거나 --allow-host {name}을(를) 붙여 시작하세요. "
        "프록시 뒤에서는 프로그램과 일반 HTTP에 이것이 필요합니다.",
    ),
    "Another site ({name}) asks here; open this page itself, or start it with --allow-host {name}.": (
        "另一个网站（{name}）在请求此页面；请直接打开此页面，或以 --allow-host {name} 启动。",
        "다른 사이트({name})에서 보낸 요청입니다. 이 페이지를 직접 열거나 --allow-host {name}을(를) 붙여 시작하세요.",
    ),
    # What programs send
    "The settings must be an object: names and values.": (
        "设置必须是由名称和值组成的对象。",
        "설정은 이름과 값으로 된 객체여야 합니다.",
    ),
    "The message is empty; give it a text or a file.": (
        "消息是空的；请提供文字或文件。",
        "메시지가 비어 있습니다. 텍스트나 파일을 넣으세요.",
    ),
    "The message must be an object with 'text' and 'files', or with 'content', and nothing else.": (
        "消息必须是只含 'text' 和 'files'、或只含 'content' 的对象。",
        "메시지는 'text'와 'files'만, 또는 'content'만 있는 객체여야 합니다.",
    ),
    "The message's 'content' must be a list of texts and files, without 'text' or 'files' beside it.": (
        "消息的 'content' 必须是由文字和文件组成的列表，旁边不能有 'text' 或 'files'。",
        "메시지의 'content'는 텍스트와 파일의 목록이어야 하며, 'text'나 'files'와 함께 쓸 수 없습니다.",
    ),
    "The message's 'text' must be a string and its 'files' a list.": (
        "消息的 'text' 必须是字符串，'files' 必须是列表。",
        "메시지의 'text'는 문자열, 'files'는 목록이어야 합니다.",
    ),
}

CHINESE_ERRORS: Mapping[str, str] = {english: zh for english, (zh, _) in _TRANSLATIONS.items()}
KOREAN_ERRORS: Mapping[str, str] = {english: ko for english, (_, ko) in _TRANSLATIONS.items()}
