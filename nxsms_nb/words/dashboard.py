"""What the dashboard says."""

from __future__ import annotations

from typing import Final

CHINESE: Final[dict[str, str]] = {
    "Dashboard": "仪表板",
    # the line on top
    "{rows} rows": "{rows} 行",
    "{chosen} of {total} rows": "{total} 行中的 {chosen} 行",
    "{chosen} of {rows}": "已选 {chosen} / {rows}",
    "what counts": "统计口径",
    "rates of acceptance": "按受理统计",
    "rates of delivery": "按送达统计",
    "filters": "筛选条件",
    "remove the filter {filter}": "移除筛选条件 {filter}",
    "Reset": "重置",
    "The kernel is busy, or gone: a choice takes effect when it is free.": "内核正忙或已断开：内核空闲后选择即生效。",
    "A picture: run the cell again to choose in it.": "这是静态图：重新运行单元格即可交互。",
    # tiles and reasons
    "rows by status": "各状态的行数",
    "{share} of the answered": "占有响应的 {share}",
    "{share} of the answered (95%: {low} to {high})": "占有响应的 {share}（95%：{low} 至 {high}）",
    "Why messages failed": "失败原因",
    "reasons": "原因",
    "Nothing failed among these rows.": "这些行中没有失败。",
    "no code; the reasons stand with the rows": "无响应码；原因见各行",
    # columns over time and latency
    "Messages a second over time (UTC)": "每秒短信条数随时间的变化（UTC）",
    "Latency": "延迟",
    "Arrows move, Shift and arrows extend, Enter chooses, Escape takes the choice back.": (
        "方向键移动，按住上档键再按方向键扩展，回车键选定，退出键取消。"
    ),
    "{low} to {high}": "{low} 至 {high}",
    "{low} to {high} UTC": "{low} 至 {high} UTC",
    "{rows}, {low} to {high}": "{rows}，{low} 至 {high}",
    "latency {low} to {high}": "延迟 {low} 至 {high}",
    "latency {low} or more": "延迟 {low} 以上",
    "up to {amount} a second": "最高每秒 {amount} 条",
    "up to {rows} rows": "最多 {rows} 行",
    # groups
    "Failure rate by": "失败率，按",
    "Failure rate by {column}": "失败率，按 {column}",
    "Failure rate by two columns": "失败率，按两列",
    "highest first": "从高到低",
    "all of these: {rate} of {answered} answered": "总体：{answered} 条有响应的短信中 {rate}",
    "none answered": "没有响应",
    "{failed} of {answered} failed ({rate})": "{answered} 条中失败 {failed} 条（{rate}）",
    "95%: {low} to {high}": "95%：{low} 至 {high}",
    "other ({values})": "其他（{values}）",
    "{number} columns make no groups": "{number} 列不能分组",
    "more than one column has this name": "有多列使用该名称",
    "numbers of people; group by country": "是个人号码；请按国家分组",
    "holds lists or the like": "含有列表等值",
    "holds values that cannot be written down": "含有无法写成代码的值",
    "one value only": "只有一个值",
    "almost every row has a value of its own": "几乎每行的值都不同",
    "rows of the map": "图的行",
    "columns of the map": "图的列",
    # what is worked out on demand
    "What goes with failure": "与失败相关的因素",
    "Find it": "查找",
    "Find it again": "重新查找",
    "Looking…": "正在查找…",
    "Searches all columns, and pairs of them, for values whose rows fail more often than chance would have it. Works in the background, for the rows that are chosen.": (
        "在所有列及其两两组合中，查找失败率超出偶然范围的值。针对所选的行，在后台进行。"
    ),
    "Working in the background: everything else can be used meanwhile.": "正在后台计算，其他部分可照常使用。",
    "of the {rows} chosen": "所选的 {rows}",
    "of all {rows}": "全部 {rows}",
    "{rate} of the rest": "其余为 {rate}",
    "{number} more than expected": "比预期多 {number}",
    "Everything else: {rate} of {rows}, with nothing beyond chance in it.": "其余：{rows} 中的 {rate}，没有超出偶然范围的因素。",
    "All of these rows failed, so nothing tells them apart.": "这些行全部失败，无从区分。",
    "No slice fails more often than chance would have it.": "没有失败率超出偶然范围的因素。",
    "Experiment": "实验",
    "Compare": "比较",
    "Compare again": "重新比较",
    "Comparing…": "正在比较…",
    "Compares the arms in column {column}, in the background, for the rows that are chosen.": (
        "比较 {column} 列中的各组。针对所选的行，在后台进行。"
    ),
    "arm": "实验组",
    # the rows
    "Rows": "各行",
    "Search the rows": "搜索各行",
    "Export CSV": "导出表格文件",
    "first page": "首页",
    "previous page": "上一页",
    "next page": "下一页",
    "last page": "末页",
    "pages": "翻页",
    "sort by {column}": "按 {column} 排序",
    "{first}–{last} of {rows} rows": "第 {first}–{last} 行，共 {rows} 行",
    "No row passes.": "没有符合条件的行。",
    "status": "状态",
    "reason": "原因说明",
    "attempts": "尝试次数",
    "sent at (UTC)": "发送时间（UTC）",
    "latency": "延迟时间",
    "these rows:": "这些行：",
    "and {number} more": "另有 {number} 项",
}
