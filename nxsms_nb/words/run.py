"""The words of a run's panel, of the summary that it leaves, and of the bar in a terminal."""

from __future__ import annotations

from typing import Final

CHINESE: Final = {
    # headings
    "Sending": "正在发送",
    "Stopping": "正在停止",
    "Stopped": "已停止",
    "Finished": "已结束",
    "Was sending": "当时正在发送",
    "Was stopping": "当时正在停止",
    "real money": "真实计费",
    "local gateway": "本机网关",
    "campaign {name}": "活动 {name}",
    "no campaign": "未指定活动",
    "{decided} of {messages}": "已处理 {decided} / {messages}",
    "rows settled": "已有结果的行",
    "messages a second": "每秒短信条数",
    "messages a second over time": "每秒短信条数随时间的变化",
    # facts
    "now": "当前",
    "average": "平均",
    "peak": "峰值",
    "in flight": "在途",
    "limit": "上限",
    "throttled": "被限流",
    "elapsed": "已用时间",
    "remaining": "剩余时间",
    "{number}/s": "{number} 条/秒",
    "{number}/s found": "{number} 条/秒（测得）",
    "{number}/s max_rate": "{number} 条/秒（max_rate）",
    "none met": "未触及",
    "none so far": "暂无",
    "{codes}: {number}": "{codes}：{number}",
    # Stop
    "■ Stop": "■ 停止",
    "Stopping…": "正在停止…",
    "Stop sent…": "已请求停止…",
    "Stop was sent to the kernel.": "已向内核发送停止请求。",
    "Stop takes effect when the kernel is free.": "内核空闲后停止即生效。",
    "Stop takes effect when the kernel is free; to stop now, interrupt the kernel (■ in the notebook's toolbar).": (
        "内核空闲后停止即生效；如需立即停止，请中断内核（笔记本工具栏的 ■）。"
    ),
    "No new request is sent.": "不再发送新请求。",
    "No new request is sent: {reason}": "不再发送新请求：{reason}",
    "No new request is sent; waiting for {requests} in flight: {reason}": (
        "不再发送新请求，正在等待在途的 {requests}：{reason}"
    ),
    "Not live: no news from the kernel for {seconds} s.": "非实时：内核已有 {seconds} 秒没有消息。",
    "Not live: this is the run as of {moment}.": "非实时：这是 {moment} 的发送状态。",
    "Results of its rows:": "各行的结果：",
    # the terminal
    "sending": "正在发送",
    "{decided} of {total}": "已处理 {decided} / {total}",
    "{done} in {time}": "{done}，用时 {time}",
    "{time} left": "剩余 {time}",
    "suppressed {number}": "免打扰 {number}",
}

SAID: Final = {
    "stopping: {reason}": "正在停止：{reason}",
    "{status} ({number} before)": "{status}（此前 {number}）",
    "{status} ({number} suppressed)": "{status}（免打扰 {number}）",
    # notes on progress
    "waiting for the first reply": "正在等待第一个响应",
    "{trouble}; trying again": "{trouble}；正在重试",
    "asking the gateway for {messages} in doubt": "正在向网关查询 {messages}（结果不明）",
    "the gateway asked for a pause; nothing is sent for another {time}": "网关要求暂停；{time}后继续发送",
    "the gateway asked for a pause of {seconds} s": "网关要求暂停 {seconds} 秒",
    "finding the gateway's limit, now at {number} messages a second": "正在探测网关的上限，当前每秒 {number} 条",
    "held to {number} messages a second, our estimate of the gateway's limit": "限速为每秒 {number} 条（对网关上限的估计）",
    # why it ended early
    "stopped by you": "由您停止",
    "the run broke off": "发送中断",
    "stopped before it left": "在发出之前停止",
    "the gateway refused the account": "网关拒绝了该账户",
    "the gateway refused the account: {code}. {advice}": "网关拒绝了该账户：{code}。{advice}",
    "no gateway answers: {words} from {endpoint}. Check the client's base_url and path.": (
        "没有网关应答：{endpoint} 返回 {words}。请检查客户端的 base_url 和 path。"
    ),
    "{number} batches in a row found no connection to the gateway: {words}. Check the network and base_url.": (
        "连续 {number} 批无法连接网关：{words}。请检查网络和 base_url。"
    ),
    "some requests found no connection to the gateway": "部分请求无法连接网关",
    "{trouble}. Check the network and the client's base_url.": "{trouble}。请检查网络和客户端的 base_url。",
    "the gateway refuses the time stamp (1004) again after its clock was learnt. Set this machine's clock and run again.": (
        "按网关时钟校正后，时间戳仍被拒绝（1004）。请校准本机时钟后重新运行。"
    ),
    "the gateway refuses the time stamp (1004) and names no time. Set this machine's clock and run again.": (
        "网关拒绝了时间戳（1004），且未给出时间。请校准本机时钟后重新运行。"
    ),
    "the gateway answered {words} and asks for a pause of {time} (Retry-After), longer than {times} times the client's timeout. "
    "Run this again after that time.": (
        "网关应答 {words}，并要求暂停 {time}（Retry-After），超过客户端超时的 {times} 倍。请在此时间之后重新运行。"
    ),
    "the gateway answered {words} {times} times in a row without accepting a message. Try later, or ask the vendor for the "
    "account's limit.": "网关连续 {times} 次应答 {words}，没有受理任何短信。请稍后再试，或向牛信云确认账户的上限。",
    "{number} requests in a row had an unknown outcome. Their rows are Unknown.": (
        "连续 {number} 个请求结果不明，其中各行的状态为 Unknown。"
    ),
    "{number} requests in a row had an unknown outcome (the last: {words}). Their rows are Unknown.": (
        "连续 {number} 个请求结果不明（最后一个：{words}），其中各行的状态为 Unknown。"
    ),
    "the first reply from {endpoint} is not the gateway's: {words}. Check the client's base_url and path. The rows of this "
    "request are Unknown, since a gateway may be behind it.": (
        "{endpoint} 的第一个响应不是网关的：{words}。请检查客户端的 base_url 和 path。其后可能有网关，因此该请求各行的状态为 Unknown。"
    ),
    "{failed} of {answered} answered rows failed, more than max_failures={most} of them": (
        "{answered} 行有响应，其中 {failed} 行失败，超过 max_failures={most}"
    ),
    "{rows} failed, more than max_failures={most}": "{rows}失败，超过 max_failures={most}",
    "HTTP {status} instead of a reply": "HTTP {status}，而不是响应",
    "HTTP 429: too many requests": "HTTP 429：请求过多",
    "no connection": "无法连接",
    "no reply": "没有响应",
}
"""The engine's words about a run, recognised in texts, since errors and results say the same in English."""
